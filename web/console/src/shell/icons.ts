// The icon of each page in the navigation.

import {
  ChatDotRound,
  Connection,
  Delete,
  Document,
  Hide,
  List,
  Monitor,
  User,
  View,
} from "@element-plus/icons-vue";
import type { Component } from "vue";

const ICONS: Record<string, Component> = {
  inbox: ChatDotRound,
  queues: List,
  accounts: User,
  ledger: Document,
  policies: Hide,
  unmaskings: View,
  erasures: Delete,
  health: Monitor,
};

export function icon(page: string): Component {
  return ICONS[page] ?? Connection;
}
