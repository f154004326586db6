import { createApp } from "vue";
import App from "./app.vue";
import { i18n, show } from "./i18n";
import { keepLook, look } from "./look";
import { pageAt, router } from "./router";
import { recall } from "./session";
import "./tokens.css";
import "./base.css";

keepLook();
// All that the first screen needs is asked for at once, not one after the other; whoever needs it next hears what went wrong.
const ahead = [recall(), import("./shell/shell.vue"), pageAt(location.pathname)?.load()];
ahead.forEach((one) => one?.catch(() => undefined));
await show(look.language);
createApp(App).use(i18n).use(router).mount("#app");
