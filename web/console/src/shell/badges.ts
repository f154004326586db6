// Small numbers beside the pages of the navigation.

import { reactive } from "vue";

export const badges = reactive<Record<string, number>>({});
