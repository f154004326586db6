//! Every named maximum in one place, its unit in its name. What exceeds one gets a clear answer, never silence.

use std::num::NonZeroU32;

/// Longest text of one message, in bytes of UTF-8.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Largest file that comes with a message, in bytes, unless configured.
pub const FILE_BYTES_DEFAULT: i32 = 10 * 1024 * 1024;
/// Largest that it can be configured to, in bytes.
pub const FILE_BYTES_MAX: i32 = 64 * 1024 * 1024;
/// Longest text that is read out of one file, in bytes of UTF-8; one that says more is quarantined.
pub const FILE_TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest name of a file that is kept, in bytes; the rest is cut off.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// Longest name of a file that may be given, in bytes.
pub const FILE_NAME_GIVEN_BYTES_MAX: usize = 1024;
/// Piece of a file that is sealed and stored at a time, in bytes.
pub const FILE_PIECE_BYTES: usize = 256 * 1024;
/// Longest that a file may take to arrive, in milliseconds.
pub const FILE_WAIT_MS_MAX: u64 = 120_000;
/// Files of one tenant that may be on their way in at a time: each is held in memory.
pub const FILES_AT_ONCE_MAX: usize = 16;
/// Files that are read at a time.
pub const FILE_READERS: usize = 2;
/// Longest that one file is read, in milliseconds.
pub const FILE_READ_MS_MAX: u64 = 15_000;
/// Most memory that reading one file may take, in bytes.
pub const FILE_READER_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Most bytes that the parts of one file may unpack to.
pub const FILE_UNPACKED_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most parts of one file: pages, or files in it.
pub const FILE_PARTS_MAX: usize = 1_000;
/// Deepest nesting of a file's XML.
pub const FILE_XML_DEPTH_MAX: usize = 128;
/// Longest contact identity, in bytes.
pub const CONTACT_BYTES_MAX: usize = 256;
/// Longest idempotency key, in bytes of visible ASCII.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 128;
/// How long whoever wrote a held message may decide on it, in seconds.
pub const LEAVING_S_MAX: i64 = 15 * 60;
/// Most reports of the desk that one list holds.
pub const REPORTS_MAX: u32 = 200;
/// Longest place in a message that can be reported, in characters.
pub const REPORT_PLACE_CHARS_MAX: usize = 200;
/// Most reports that one change of the masking policy answers.
pub const AMENDMENT_REPORTS_MAX: usize = 64;
/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Most messages or conversations that one page holds.
pub const PAGE_ITEMS_MAX: u32 = 200;
/// How far a signature's `created` may be from the server's clock, in seconds.
pub const SIGNATURE_SKEW_S_MAX: i64 = 300;
/// Shortest password that a person may choose, in characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in bytes: argon2 need not hash novels.
pub const PASSWORD_BYTES_MAX: usize = 256;
/// Longest login name, in bytes.
pub const LOGIN_BYTES_MAX: usize = 128;
/// Length of a rollback guard's tail of newest entries from which on another file is begun, in bytes.
pub const TAIL_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How often a decision is made again after a conflict.
pub const DECISIONS_MAX: u32 = 3;
/// Most proposals that wait before one recorder.
pub const RECORDER_QUEUE_PROPOSALS_MAX: usize = 4096;
/// Most entries in one commit.
pub const BATCH_ENTRIES_MAX: usize = 256;
/// Longest wait for more entries before a commit, in microseconds.
pub const BATCH_WAIT_US_MAX: u64 = 2_000;
/// Longest that a caller waits for a commit's outcome, in milliseconds.
pub const RECORD_WAIT_MS_MAX: u64 = 15_000;
/// Most conversation tails held in memory.
pub const TAILS_MAX: usize = 100_000;
/// Most agents that one matching decision considers: their skills and loads stand in its entry, which is bounded.
pub const CANDIDATES_MAX: usize = 32;
/// How long a login lasts, in seconds.
pub const SESSION_S_MAX: i64 = 8 * 3_600;
/// How long a session lasts without being used, in seconds, unless the tenant sets another time.
pub const SESSION_IDLE_S_DEFAULT: i64 = 15 * 60;
/// How long an agent may be without the desk's connection that they had, in seconds, unless configured.
pub const DESK_GRACE_S_DEFAULT: i64 = 30;
/// How long a session waits for its second factor, in seconds.
pub const PENDING_SESSION_S_MAX: i64 = 5 * 60;
/// Failed logins of one account before it must wait.
pub const LOGIN_FAILURES_MAX: u32 = 5;
/// How long it must wait then, in seconds; twice as long after each further failure.
pub const LOGIN_PAUSE_S: u32 = 60;
/// Failed logins that lock an account (PCI DSS 8.3.4: not more than ten).
pub const LOGIN_FAILURES_LOCK: u32 = 10;
/// Failed logins are forgotten after so many seconds without one.
pub const LOGIN_FORGET_S: u32 = 24 * 3_600;
/// Longest name of a member of staff, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Recovery codes that come with a second factor.
pub const RECOVERY_CODES: usize = 10;
/// Seconds for which one code of a second factor is shown (RFC 6238, section 5.2).
pub const FACTOR_STEP_S: i64 = 30;
/// Longest code that is looked at, in bytes.
pub const FACTOR_CODE_BYTES_MAX: usize = 64;
/// Longest that the identity provider may take for an answer, in milliseconds.
pub const PROVIDER_WAIT_MS_MAX: u64 = 10_000;
/// Longest answer of the identity provider, in bytes.
pub const PROVIDER_ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Most keys of the identity provider that are looked at.
pub const PROVIDER_KEYS_MAX: usize = 32;
/// How long its documents are used before they are read again, in seconds.
pub const PROVIDER_CACHE_S: i64 = 3_600;
/// How long they are used at least, even when no key of theirs fits, in seconds.
pub const PROVIDER_REFRESH_S_MIN: i64 = 60;
/// How long it is not asked again after it failed, in seconds.
pub const PROVIDER_PAUSE_S: i64 = 5;
/// Longest that its order to log out may hold, in seconds: until then it is remembered, so that it counts once.
pub const LOGOUT_TOKEN_S_MAX: i64 = 3_600;
/// Longest name of a person, a session or a token at the identity provider, in bytes.
pub const PROVIDER_ID_BYTES_MAX: usize = 1024;
/// How long a login may take at the identity provider, in seconds.
pub const PROVIDER_LOGIN_S_MAX: i64 = 600;
/// Most accounts in one import: they fit into one entry.
pub const IMPORT_ACCOUNTS_MAX: usize = 256;
/// How long a visitor's token is good, in seconds.
pub const VISITOR_TOKEN_S: i64 = 3_600;
/// How long after that a visitor may come back as the same, in seconds: 30 days.
pub const VISITOR_RETURN_S_MAX: i64 = 30 * 24 * 3_600;
/// Longest visitor's token, in bytes.
pub const VISITOR_TOKEN_BYTES_MAX: usize = 1024;
/// Pause between two signs of life that a socket is asked for, in milliseconds.
pub const SOCKET_PING_MS: u64 = 20_000;
/// Longest silence of a socket's peer, in milliseconds.
pub const SOCKET_SILENCE_MS_MAX: u64 = 60_000;
/// Longest that a socket's peer may take to read what is sent, in milliseconds.
pub const SOCKET_SEND_MS_MAX: u64 = 10_000;
/// Longest that a connection's peer may take nothing of what was sent to it, in milliseconds; then the kernel ends it.
pub const UNREAD_MS_MAX: u32 = 20_000;
/// Room that a socket reads into, in bytes; it grows while a longer frame is on its way.
pub const SOCKET_BUFFER_BYTES: usize = 1024;
/// Frames that one socket may send in a burst.
pub const SOCKET_FRAMES_BURST: u32 = 40;
/// Frames a second that one socket may send for long.
pub const SOCKET_FRAMES_PER_S_MAX: u32 = 10;
/// Longest wait of one poll, in seconds.
pub const POLL_WAIT_S_MAX: u64 = 25;
/// Conversations that one desk socket keeps open.
pub const DESK_OPEN_MAX: usize = 64;
/// Waiting customers who are told their place in the queue.
pub const QUEUE_TOLD_MAX: u32 = 1_000;
/// Notices that wait for one follower of the feed; whoever is slower is disconnected and resumes by cursor.
pub const FEED_NOTICES_MAX: usize = 256;
/// Conversations that one look for those whose time is over ends; the rest is for the next look.
pub const OVERDUE_CONVERSATIONS_MAX: u32 = 256;
/// Entries that one look into the ledger reads at most; a filter that finds less goes on where it ended.
pub const LEDGER_SCAN_ENTRIES_MAX: u64 = 4_096;
/// How long what was found wrong with the machine is told again without a new look, in seconds.
pub const EXAMINED_FOR_S: u64 = 60;
/// Longest that somebody waits for a look at the machine, in milliseconds.
pub const EXAMINATION_MS_MAX: u64 = 15_000;
/// Items on a page when the caller names no number.
pub const PAGE_ITEMS_DEFAULT: u32 = 50;
/// Longest query string, in bytes.
pub const QUERY_BYTES_MAX: usize = 4 * 1024;
/// Longest request head (names and values of all headers), in bytes.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Most components that one message signature may cover.
pub const SIGNATURE_COMPONENTS_MAX: usize = 16;
/// Longest key id of a channel account, in bytes of visible ASCII.
pub const KEYID_BYTES_MAX: usize = 128;
/// Shortest shared secret of a channel account, in bytes: as long as the hash that it keys.
pub const CHANNEL_SECRET_BYTES_MIN: usize = 32;
/// Most connections that one HTTP worker holds; more wait in the kernel's queue.
pub const CONNECTIONS_PER_WORKER_MAX: usize = 8_192;
/// Most TLS handshakes that one HTTP worker has under way.
pub const HANDSHAKES_PER_WORKER_MAX: usize = 256;
/// Longest that a connection may take to send a request's head, in milliseconds.
pub const REQUEST_HEAD_WAIT_MS_MAX: u64 = 5_000;
/// Longest that a request's body may take to arrive, in milliseconds.
pub const REQUEST_BODY_WAIT_MS_MAX: u64 = 10_000;
/// Longest TLS handshake, in milliseconds.
pub const HANDSHAKE_WAIT_MS_MAX: u64 = 5_000;
/// How long an idle connection is kept, in milliseconds.
pub const KEEP_ALIVE_MS_MAX: u64 = 30_000;
/// Longest that closing a connection may take, in milliseconds.
pub const DISCONNECT_WAIT_MS_MAX: u64 = 1_000;
/// Longest that requests under way are waited for when the server stops, in seconds.
pub const DRAIN_WAIT_S_MAX: u64 = 20;
/// Longest that the logs are waited for when the server stops, in seconds: a database that is gone for good ends no wait.
pub const STOP_WAIT_S_MAX: u64 = 30;
/// Messages that are read again to rebuild a conversation tail after a restart.
pub const TAIL_MESSAGES_MAX: u32 = 16;
/// Longest order of an operator, in bytes: a policy file fits.
pub const CONTROL_LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Operators at a time.
pub const CONTROL_CONNECTIONS_MAX: usize = 8;
/// How much of a body that is too long is read and thrown away, so that its sender hears why, in bytes.
pub const REFUSED_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Longest session cookie that is looked at, in bytes.
pub const COOKIE_BYTES_MAX: usize = 256;
/// Longest that the client of the commands waits for an answer, in milliseconds.
pub const CLIENT_WAIT_MS_MAX: u64 = 30_000;
/// Largest answer that the client of the commands takes, in bytes.
pub const CLIENT_ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Password hashes that are computed at a time.
pub const PASSWORD_HASHES_MAX: usize = 4;
/// Most conversations that one agent may hold; the same number stands in the schema.
pub const AGENT_CAPACITY_MAX: i32 = 1_000;
/// Largest piece of a backup, in bytes: a table is written in pieces of this size.
pub const BACKUP_PIECE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most pieces that a backup may have.
pub const BACKUP_PIECES_MAX: usize = 200_000;
/// Longest list of a backup's pieces, in bytes.
pub const BACKUP_MANIFEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most headers of one request; the parser of HTTP/1.1 has the same bound.
pub const HEADERS_MAX: usize = 96;
/// Requests of one connection that are under way; HTTP/2 sends many at a time.
pub const REQUESTS_PER_CONNECTION_MAX: usize = 100;
/// Resets, settings and pings that one HTTP/2 connection may send in a second.
pub const HTTP2_CONTROL_FRAMES_PER_S_MAX: u32 = 20;
/// How many of them may come at once.
pub const HTTP2_CONTROL_FRAMES_BURST_MAX: u32 = 200;
/// Bytes of bodies that a peer may send ahead on one HTTP/2 connection, before anybody reads them.
pub const HTTP2_WINDOW_BYTES_MAX: u32 = 256 * 1024;
/// Addresses, and accounts, whose requests are counted one by one.
pub const LIMITED_KEYS_MAX: usize = 100_000;
/// Seconds' worth of requests that may come at once.
pub const RATE_BURST_S: NonZeroU32 = NonZeroU32::new(10).expect("ten is not zero");
/// How long an address waits that has used up its unproven requests, in seconds.
pub const ADDRESS_PAUSE_S: u64 = 10;
/// Largest routing table, in bytes.
pub const TABLE_BYTES_MAX: usize = 1024 * 1024;
/// Most rows, queues, tests or days that a routing table may have, each.
pub const TABLE_ITEMS_MAX: usize = 1_024;
/// Most words of one list of a routing table.
pub const TABLE_WORDS_MAX: usize = 64;
/// Longest word of a routing table (tier, tag, skill, queue, row), in bytes.
pub const ROUTING_WORD_BYTES_MAX: usize = 32;
/// Most skills that a queue and a row ask for together.
pub const SKILLS_ASKED_MAX: usize = 6;
/// Most skills and groups that one agent has.
pub const AGENT_SKILLS_MAX: usize = 16;
/// The priority of whoever comes behind everybody.
pub const PRIORITY_LAST: u8 = 9;
/// Most tags that a channel may say of one conversation.
pub const CASE_TAGS_MAX: usize = 8;
/// Longest notice that is sent while a queue is closed, in bytes.
pub const NOTICE_BYTES_MAX: usize = 1_024;
/// Weight of a conversation that takes one place of an agent's capacity.
pub const PLACE_WEIGHT: i32 = 100;
/// Heaviest conversation: it takes a thousand places.
pub const WEIGHT_MAX: u32 = 100_000;
/// Sets of cases that the search for rows that are never reached keeps at a time; beyond them a row counts as reached.
pub const CASE_SETS_MAX: usize = 4_096;
/// Most conversations that one look of the matcher gives to agents; they are recorded together.
pub const ASSIGNMENTS_AT_ONCE_MAX: u32 = 32;
/// Conversations of each queue and priority that one look of the matcher considers: when it has given as many as it may,
/// no row of the table has run out of those it sees, so that nobody less urgent is served for want of seeing the next.
pub const WAITING_CONSIDERED_MAX: u32 = 2 * ASSIGNMENTS_AT_ONCE_MAX;
/// Most conversations that agents hold and that one look of the no-answer timer considers.
pub const HELD_CONSIDERED_MAX: u32 = 10_000;
/// Most conversations of one queue that a place in it is counted among.
pub const QUEUE_CONSIDERED_MAX: u32 = 10_000;
/// Notices of closed hours that one look sends.
pub const NOTICES_AT_ONCE_MAX: u32 = 100;
/// Assignments of a queue from which its pace is told.
pub const PACE_ASSIGNMENTS_MAX: usize = 32;
/// Room for the candidates of one decision in its entry, in bytes.
pub const CANDIDATES_BYTES_MAX: usize = 9 * 1024;
/// Where counting the conversations of a list stops.
pub const COUNTED_CONVERSATIONS_MAX: i64 = 100_000;
/// Most members of staff whom a list of colleagues names.
pub const COLLEAGUES_MAX: usize = 2_000;
/// Longest internal note, in bytes.
pub const NOTE_BYTES_MAX: usize = 4 * 1024;
/// Most internal notes that a conversation's answer holds: the newest.
pub const NOTES_SHOWN_MAX: u32 = 200;
/// Most canned replies that a tenant has.
pub const REPLIES_MAX: usize = 500;
/// Longest title of a canned reply, in bytes.
pub const REPLY_TITLE_BYTES_MAX: usize = 128;
/// Longest text of a canned reply, in bytes.
pub const REPLY_TEXT_BYTES_MAX: usize = 4 * 1024;
/// How long somebody of the staff counts as typing after a mark of it, in milliseconds.
pub const STAFF_TYPING_MS: i64 = 6_000;
/// Rows that one comparison of the state names before it stops.
pub const ROW_DIFFERENCES_MAX: usize = 1_000;
/// Most keys of logs that one witness knows.
pub const WITNESS_LOGS_MAX: usize = 1_024;
/// Most files of evidence that one witness keeps.
pub const WITNESS_EVIDENCE_FILES_MAX: usize = 1_024;
/// Requests a second that a witness takes of one log whose key it knows; a log asks twice a second.
pub const WITNESS_LOG_REQUESTS_PER_S: u32 = 20;
/// Requests a second that a witness takes of one address that shows no log's signature.
pub const WITNESS_STRANGER_REQUESTS_PER_S: u32 = 20;
/// Longest that a witness may take to answer, in milliseconds.
pub const WITNESS_WAIT_MS_MAX: u64 = 3_000;
/// Longest that the witnesses are asked for the newest size when a log is taken over, in milliseconds: the lease runs.
pub const WITNESS_LOOK_MS_MAX: u64 = 2_000;
/// How long those who are slower than the quorum are waited for, in milliseconds.
pub const WITNESS_GRACE_MS: u64 = 150;
/// Longest pause before a witness that failed is asked again, in milliseconds; a random part of it is added.
pub const WITNESS_PAUSE_MS_MAX: u64 = 8_000;
/// How often one checkpoint is offered to a witness that names another size than was thought.
pub const WITNESS_TRIES_MAX: u32 = 3;
/// How long publication waits for the quorum before that is told, in seconds.
pub const PUBLICATION_WAIT_S: u64 = 10;
/// Within this time after its owner's death a log has another, in seconds.
pub const TAKEN_OVER_S_MAX: f64 = 10.0;
/// Most scopes of one evidence package.
pub const EVIDENCE_SCOPES_MAX: usize = 64;
/// Longest reason for which evidence is taken out, in bytes.
pub const EVIDENCE_REASON_BYTES_MAX: usize = 1024;
/// Evidence packages that a tenant keeps at a time, those being gathered included.
pub const EVIDENCE_PACKAGES_MAX: usize = 8;
/// Most bytes of entries, texts and proofs in one evidence package.
pub const EVIDENCE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How long an evidence package is kept, in seconds.
pub const EVIDENCE_S_MAX: u64 = 3_600;
/// Pause between two looks at which packages' time is over, in seconds.
pub const EVIDENCE_LOOK_S: u64 = 60;
/// Entries since what was sealed last that an evidence package may show, as proof that nothing is missing.
pub const EVIDENCE_UNSEALED_ENTRIES_MAX: u64 = 256;
/// Longest that an evidence package waits for a published checkpoint, in seconds: witnesses may have to be asked again.
pub const EVIDENCE_PUBLISHED_S_MAX: u64 = 60;
/// Pause between two looks at what is published, in milliseconds.
pub const PUBLICATION_LOOK_MS: u64 = 200;
/// Bytes of an evidence package that are read and sent at a time.
pub const EVIDENCE_PIECE_BYTES: usize = 64 * 1024;
/// Message ids that one question of a reconciliation holds.
pub const RECONCILE_IDS_MAX: usize = 256;
/// Messages in a reconciliation's file.
pub const RECONCILE_MESSAGES_MAX: u64 = 2_000_000;
/// Longest record of a reconciliation's file, in bytes; its CSV is read a few kilobytes ahead.
pub const RECONCILE_RECORD_BYTES_MAX: usize = 64 * 1024;
/// Differences that a reconciliation lists one by one, of each kind; the rest is counted.
pub const RECONCILE_LISTED_MAX: usize = 1_000;
/// Longest list of erased customers, in bytes: some 70,000 of them.
pub const ERASED_FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Data keys or identities that are brought under the newest epoch by one statement.
pub const REWRAP_ROWS_MAX: u32 = 256;
/// How long the rows of erased customers wait for a new epoch unless it is to be at once, in seconds: a day, so that many
/// erasures share one.
pub const EPOCH_WAIT_S: i64 = 24 * 3_600;
/// Proposed changes of the masking policy that one answer lists.
pub const AMENDMENTS_MAX: u32 = 100;
/// Within how long somebody else has to look at a policy that one person brought into force, in seconds.
pub const REVIEW_WITHIN_S: i64 = 24 * 3_600;
/// Requests to open masked values that one answer lists.
pub const UNMASKINGS_MAX: u32 = 200;
/// How long a request to open a masked value waits for a second person, in seconds.
pub const UNMASK_WAIT_S: i64 = 3_600;
/// Requests to open masked values that one account may make before it has to pause.
pub const UNMASK_REQUESTS_MAX: u32 = 20;
/// How long that pause is, in seconds.
pub const UNMASK_REQUESTS_FORGET_S: u32 = 600;
/// Longest text that is compared with a masked value, in bytes.
pub const MATCH_TEXT_BYTES_MAX: usize = 256;
/// Comparisons with masked values that one account may make before it has to pause.
pub const MATCH_AGENT_TRIES_MAX: u32 = 30;
/// How long that pause is, in seconds.
pub const MATCH_AGENT_FORGET_S: u32 = 600;
/// Comparisons with one masked value, by whomever, before there has to be a pause: a mask that leaves few values is not to be
/// guessed at.
pub const MATCH_SPAN_TRIES_MAX: u32 = 5;
/// How long that pause is, in seconds.
pub const MATCH_SPAN_FORGET_S: u32 = 24 * 3_600;
/// Largest masking policy that the API takes, in bytes of its JSON.
pub const POLICY_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Layers that a policy is made of, each counted as often as others name it.
pub const LAYERS_MAX: usize = 32;
/// How deep layers may name layers.
pub const LAYER_DEPTH_MAX: usize = 3;
/// Combinations of tenants, channels and purposes that the layers of a policy may ask for.
pub const OCCASIONS_MAX: usize = 32;
/// Patterns of one policy.
pub const PATTERNS_MAX: usize = 64;
/// Longest pattern, in bytes.
pub const PATTERN_BYTES_MAX: usize = 512;
/// How deep groups of a pattern may be nested.
pub const PATTERN_DEPTH_MAX: u32 = 32;
/// Longest text that a pattern may match, in bytes of UTF-8.
pub const PATTERN_MATCH_BYTES_MAX: usize = 256;
/// Fewest characters that a pattern may match: fewer would leave a mask that doesn't look like one.
pub const PATTERN_MATCH_CHARACTERS_MIN: usize = 3;
/// Memory of all compiled patterns of a policy, and of the automaton that is made of them while they run, in bytes each.
pub const PATTERN_MEMORY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Proposals to erase, and legal holds, that one answer lists.
pub const ERASURES_MAX: u32 = 500;
/// Entries since what was sealed last that make the next seal due. Three quarters of what may lie between two seals: at one
/// look a second the next is made in time at any rate that this server has written.
pub const SEAL_DUE_ENTRIES: u64 = 49_152;
/// Entries from the log's end among which the newest seal is looked for: two seals and what one may lie behind.
pub const SEAL_LOOKED_FOR_ENTRIES_MAX: u64 = 196_608;
/// Published files that are read and packed at a time for those who fetch them.
pub const TLOG_READS_MAX: usize = 8;
/// Longest that one request to the copy's place may take, in milliseconds.
pub const MIRROR_WAIT_MS_MAX: u64 = 20_000;
/// Tiles and bundles that are copied at a time.
pub const MIRROR_REQUESTS_MAX: usize = 8;
/// Longest pause after the copy's place gave no answer, in seconds.
pub const MIRROR_RETRY_S_MAX: u64 = 60;
/// How long what a copy lacks may be old before the doctor warns of it, in seconds.
pub const MIRROR_BEHIND_S_WARN: u64 = 600;
/// Newest entries of a log that each look of the self-audit begins with.
pub const SELF_AUDIT_NEWEST_ENTRIES: u64 = 4_096;
/// Texts of a bundle of 256 entries that a look of the self-audit opens, drawn anew each time.
pub const SELF_AUDIT_TEXTS_OF_BUNDLE: usize = 64;
/// Findings that a server records and tells since it started: who finds more has a larger trouble than their number.
pub const FINDINGS_MAX: usize = 1_000;
/// Entries that one turn of a run over what was said before looks at; between two turns it rests as long as the turn took.
pub const HISTORY_TURN_ENTRIES: u32 = 256;
/// Entries before the place where a run goes on that are heard once more, so that a number told over several is found.
pub const HISTORY_WARM_ENTRIES: u64 = 512;
/// Texts of a person that a later one may tell something of, while history is masked again.
pub const HISTORY_EARLIER_TEXTS_MAX: usize = 16;
/// Samples that a report keeps of each way in which a draft differs.
pub const HISTORY_SAMPLES_MAX: usize = 10;
/// Previews that a tenant keeps at a time, the one under way included.
pub const PREVIEWS_MAX: usize = 8;
/// Previews that a tenant's officers may begin within an hour: trying values by drafts takes many.
pub const PREVIEWS_AN_HOUR_MAX: usize = 30;
/// How long a finished preview is kept, in seconds.
pub const PREVIEW_KEPT_S: i64 = 3_600;
/// Newest messages that a preview may be asked for.
pub const PREVIEW_MESSAGES_MAX: u32 = 100_000;
/// Longest that a policy runs in shadow, in hours.
pub const SHADOW_HOURS_MAX: u32 = 168;
/// Drafts of policies that a tenant keeps.
pub const DRAFTS_MAX: usize = 50;
/// Longest text of a draft, in bytes.
pub const DRAFT_BYTES_MAX: usize = 256 * 1024;
/// Longest name of a draft, in bytes.
pub const DRAFT_NAME_BYTES_MAX: usize = 128;
