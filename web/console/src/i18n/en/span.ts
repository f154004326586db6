export default {
  title: "Masked: {entity}",
  why: "rule {rule} · {class} · certainty {percent}%",
  match: {
    title: "Match",
    detail:
      "Let the customer say it and type it here. The answer is the same or not the same, and never the value; full width, spaces and dashes make no difference. Each comparison is recorded, and there are only so many.",
    said: "What the customer says",
    send: "Match",
    same: "The same",
    other: "Not the same",
  },
  open: {
    title: "Break-glass: see it unmasked",
    detail:
      "Takes a reason and a second factor. It is recorded first, shown once, and hidden when the time is over. Supervisors see it at once; it is listed in the customer's file and in evidence.",
    never: "By the rules in force nobody may see this unmasked.",
    reason: "Reason",
    choose: "Choose one",
    must_enrol: "Seeing it unmasked takes a second factor, and you have none yet. Set one up first:",
    send: "Ask to see it",
    show: "Show it",
    waits:
      "Asked for; a second person has to approve. It can be shown here then; you may close this, and find out later on the page Unmasking.",
    granted: "Approved: it can be shown once.",
    denied: "The request was turned down.",
    lapsed: "The time of the request is over.",
    over: "It is hidden again. To see it once more, ask again.",
    anew: "Ask again",
    left: "hidden in {time}",
    copy: "Copy, with its mark",
    copied: "Copied, with its mark",
    hide: "Hide it now",
    mark: "[{name} {account} · {time} · request {request} · entry {entry}]",
  },
  reasons: {
    fraud: "suspected fraud",
    dispute: "a complaint or a disputed payment",
    identity: "to establish who the customer is",
    correction: "to correct the customer's data",
    authority: "ordered by a court or an authority",
    incident: "a security incident",
  },
  noted: {
    requested: "Somebody asks to see unmasked text",
    used: "Somebody was shown unmasked text",
    where: "Account {account}, request {request}. See the page Unmasking.",
  },
};
