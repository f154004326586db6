import vue from "@vitejs/plugin-vue";
import components from "unplugin-vue-components/vite";
import { ElementPlusResolver } from "unplugin-vue-components/resolvers";
import { defineConfig } from "vite";

// The console is served under /console/ with a policy that allows no inline script or style: nothing is inlined here.
export default defineConfig({
  base: "/console/",
  plugins: [
    vue(),
    components({ dts: false, dirs: [], resolvers: [ElementPlusResolver({ importStyle: "css" })] }),
  ],
  define: {
    __VUE_OPTIONS_API__: "true", // Element Plus's own components need it.
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_I18N_FULL_INSTALL__: "false",
    __VUE_I18N_LEGACY_API__: "false",
    __INTLIFY_PROD_DEVTOOLS__: "false",
  },
  build: {
    outDir: "../dist/console",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: "manifest.json",
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        // What every page needs is one file that stays in the browser's cache from release to release.
        manualChunks: (id) =>
          /node_modules\/(@vue|vue|vue-router|vue-i18n|@intlify)\//.test(id) ? "vue" : undefined,
      },
    },
  },
  server: {
    // For work on the console: a server of one's own at LWW_SERVER (`lww run` prints its plain address).
    proxy: {
      "/api": { target: process.env["LWW_SERVER"] ?? "http://127.0.0.1:8080", ws: true },
      "/healthz": { target: process.env["LWW_SERVER"] ?? "http://127.0.0.1:8080" },
    },
  },
});
