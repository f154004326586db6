import element from "element-plus/es/locale/lang/en";
import { merge } from ".";

export { element };

const shared = {
  product: "Liaowaiwai",
  nav: {
    label: "Main navigation",
    inbox: "Conversations",
    queues: "Queues",
    accounts: "Agents & accounts",
    ledger: "Ledger",
    policies: "Masking policies",
    unmaskings: "Unmasking",
    erasures: "Erasures & holds",
    health: "Health",
    short: {
      inbox: "Chats",
      queues: "Queues",
      accounts: "Accounts",
      ledger: "Ledger",
      policies: "Policies",
      unmaskings: "Unmask",
      erasures: "Erasures",
      health: "Health",
    },
    skip: "Skip to content",
  },
  menu: {
    label: "Account menu",
    account: "My account",
    language: "Language",
    theme: "Appearance",
    light: "Light",
    dark: "Dark",
    system: "As the system",
    logout: "Log out",
    tenant: "Tenant",
  },
  roles: {
    agent: "Agent",
    supervisor: "Supervisor",
    compliance: "Compliance",
    auditor: "Auditor",
    admin: "Administrator",
  },
  states: { waiting: "Waiting", assigned: "Active", solved: "Solved", closed: "Closed" },
  away: {
    title: "The server can't be reached; connecting again",
    detail: "What you typed is kept in this browser and goes on by itself.",
  },
  common: {
    retry: "Try again",
    cancel: "Cancel",
    save: "Save",
    close: "Close",
    copy: "Copy",
    copied: "Copied",
    download: "Download",
    loading: "Loading",
    more: "Load more",
    back: "Back",
    yes: "Yes",
    no: "No",
    all: "All",
    none: "None",
    search: "Search",
    done: "Done",
  },
  errors: {
    title: "Could not be loaded",
    unreachable: "The server can't be reached.",
    forbidden: "Your role may not see this.",
    malformed_answer: "The server's answer can't be read.",
    unknown: "The page failed; please load it again.",
    reload: "Load again",
    not_here: "There is no such page",
    not_here_detail: "The address is not complete, or it changed.",
    barred: "This page is not open to your role",
    barred_detail: "You are logged in as {role} and may not see it. Ask an administrator if you need to.",
    home: "To the first page",
    update: "The console was updated: please load the page again.",
  },
  factor: {
    must_enrol:
      "Approving and turning down need a code, and you have not set up a second factor yet. Please do so first:",
    code: "Code of your second factor",
    hint: "Six digits from your authenticator, or a recovery code. If you showed one within five minutes, none is asked for.",
  },
  time: { just_now: "just now", yesterday: "Yesterday" },
};

export const words = merge(shared, import.meta.glob("./en/*.ts", { eager: true, import: "default" }));
