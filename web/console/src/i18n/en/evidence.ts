export default {
  button: "Take evidence out",
  title: "Take evidence out",
  detail:
    "A package proves all entries of a conversation or a customer, and that none is missing, to people without this console: with lww-verify or verify.html and the key on paper. That it was taken out, and by whom, is put on record; the words of your reason are in the receipt below only: keep it, too.",
  of: { conversation: "Conversation", subject: "Customer (pseudonym)", range: "Time" },
  id: {
    conversation: "The conversation's id, as its entries have it (32 digits)",
    subject: "The customer's pseudonym, as entries have it (32 digits)",
  },
  reason: "Reason (goes into the receipt)",
  order: "Put on record and gather",
  ordered: "On record as entry {entry}; the package is being gathered",
  own: "Your packages",
  none: "None at the moment. A package is kept for an hour.",
  state: {
    waiting: "Waits for its turn",
    gathering: "Being gathered",
    ready: "Ready",
    failed: "Could not be made",
  },
  entry: "entry {entry}",
  until: "Kept until {time}, then taken away",
  fetch: "Download the package",
  receipt: "Download the receipt",
  remove: "Take away",
};
