export default {
  title: "Who watches this ledger",
  detail:
    "A ledger that only its owner sees can be exchanged as a whole. So others keep an eye on it: the more of them, and the less they depend on each other, the better.",
  more: "Show who watches",
  overall: {
    good: "All is well: {count} watch, and nobody has found anything",
    quiet: "Nothing is wrong; some of what could be done is not set up",
    warn: "Somebody should look at {count} of these",
    bad: "Act now: {count} of these can't wait",
  },
  picture: "{name} has seen {size} of {end} entries",
  picture_none: "{name} has seen nothing yet",
  legend:
    "Each link stands for entries, the newest on the right. Lit links have been seen; the first step from the right is one entry, each further one about three times as many.",
  level: { good: "all right", quiet: "none yet", warn: "needs a look", bad: "act now" },
  of: {
    head: "The ledger itself",
    published: "What is published",
    witness: "Witness {name}",
    witnesses: "Witnesses",
    mirror: "The copy elsewhere",
    seal: "The daily seal",
    self_audit: "The server's own audit",
  },
  seen: "{size} entries",
  up_to_date: "up to date",
  behind: "{count} behind",
  since: "as of {time}",
  quorum: "What is published must be cosigned by at least {count} of {of} witnesses.",
  quorum_text: "What is published must be cosigned by: {text}.",
  reason: "For the operators:",
  says: {
    head: {
      there: "Every event is a link of this chain. Each link holds the fingerprint of the one before.",
      absent: "The server that you ask does not write the ledger at the moment.",
    },
    published: {
      current:
        "This signed state is handed out to everybody who checks. What is newer follows within seconds.",
      waits: "Publishing stands still. Receipts are still given, but nobody outside sees what is newer.",
      never: "Nothing has been published yet.",
    },
    witness: {
      cosigned: "Another machine has signed that this state only adds to the ones before.",
      behind: "It answers, but has not signed the newest state yet.",
      refused:
        "It refuses to sign: it does not know this ledger's key, or it has seen another history of this ledger.",
      unreachable: "It does not answer.",
      unasked: "It has not been asked yet.",
    },
    witnesses: {
      none: "Nobody but the bank's own server watches. Whoever held both the server and its key could exchange the history, and only people who keep receipts or copies would notice.",
    },
    mirror: {
      current: "A copy of what is published lies in another place.",
      behind: "The copy holds less than what is published.",
      unreachable: "The copy can't be written at the moment.",
      differs: "The copy holds something else than what was published.",
      off: "There is no copy in another place. If this machine is lost, so is what proves the ledger, but for backups.",
    },
    seal: {
      sealed: "Where each conversation ended was put on record, so that nothing can be left out of it later.",
      late: "The last seal is more than a day old, though the ledger has grown.",
      never: "Nothing has been sealed yet: it is done once a day.",
    },
    self_audit: {
      idle: "The server read again what it had written and found nothing.",
      running: "The server is reading again what it has written.",
      found: "What the server read is not what it had written: {count} findings.",
      never: "The server has not read again what it wrote yet.",
    },
  },
  act: {
    head: {
      absent:
        "Ask the operators which server writes. If none does, no message is acknowledged: that can't wait.",
    },
    published: {
      waits:
        "Have the operators look which witness has not signed (below), and at the server's disk. It goes on by itself once enough of them sign.",
      never:
        "It should come within seconds of the first entry; otherwise have the operators look at the server.",
    },
    witness: {
      behind: "Nothing, if it is a matter of minutes; else have whoever runs it look at their machine.",
      refused:
        "Change nothing and restart nothing. Have audit and operators compare, together with whoever runs the witness: a new key has to be made known to it; another history is evidence, and is kept.",
      unreachable: "Have whoever runs it look at their machine and at the network between.",
    },
    witnesses: {
      none: "Have audit run a witness on a machine of their own (lww witness), and another party a second one.",
    },
    mirror: {
      behind: "Nothing, if it is a matter of minutes; else have the operators look at the other place.",
      unreachable: "Have the operators look at the other place and at the network between.",
      differs:
        "Delete nothing. Have audit compare the copy with the ledger by lww-verify: one of the two was changed.",
    },
    seal: { late: "Have the operators look at the server's log." },
    self_audit: {
      found:
        "Stop nothing and delete nothing. Have audit check the whole ledger with lww-verify fsck, and compare it with a copy or a backup.",
    },
  },
  to_do: "What to do:",
};
