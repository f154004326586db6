//! Every test of masking and routing that needs no server, as one program: each of its files is one subject.

mod masking_again;
mod masking_command;
mod masking_corpus;
mod masking_data;
mod masking_eval;
mod masking_layers;
mod masking_patterns;
mod masking_policy;
mod masking_properties;
mod routing_matcher;
mod routing_table;
