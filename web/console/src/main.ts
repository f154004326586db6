import { createApp } from "vue";
import App from "./app.vue";
import { i18n, show } from "./i18n";
import { keepLook, look } from "./look";
import { router } from "./router";
import "./tokens.css";
import "./base.css";

keepLook();
await show(look.language);
createApp(App).use(i18n).use(router).mount("#app");
