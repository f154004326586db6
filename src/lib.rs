//! Liaowaiwai (聊歪歪): every customer message is masked, recorded, and only then routed and answered.
