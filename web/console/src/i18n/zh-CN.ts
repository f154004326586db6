import element from "element-plus/es/locale/lang/zh-cn";
import { merge } from ".";

export { element };

const shared = {
  product: "聊歪歪",
  nav: {
    label: "主导航",
    inbox: "会话",
    queues: "排队队列",
    accounts: "坐席与账号",
    ledger: "存证账本",
    policies: "脱敏策略",
    health: "运行状态",
    short: {
      inbox: "会话",
      queues: "队列",
      accounts: "账号",
      ledger: "账本",
      policies: "策略",
      health: "状态",
    },
    skip: "跳到正文",
  },
  menu: {
    label: "账号菜单",
    account: "我的账号",
    language: "语言",
    theme: "外观",
    light: "浅色",
    dark: "深色",
    system: "跟随系统",
    logout: "退出登录",
    tenant: "租户",
  },
  roles: { agent: "客服坐席", supervisor: "主管", compliance: "合规", auditor: "审计", admin: "管理员" },
  states: { waiting: "等待中", assigned: "进行中", solved: "已解决", closed: "已关闭" },
  away: {
    title: "服务器暂时连接不上，正在重新连接",
    detail: "已输入的内容保留在本机，恢复后自动继续。",
  },
  common: {
    retry: "重试",
    cancel: "取消",
    save: "保存",
    close: "关闭",
    copy: "复制",
    copied: "已复制",
    download: "下载",
    loading: "正在加载",
    more: "加载更多",
    back: "返回",
    yes: "是",
    no: "否",
    all: "全部",
    none: "无",
    search: "搜索",
    done: "已完成",
  },
  errors: {
    title: "未能加载",
    unreachable: "服务器连接不上。",
    forbidden: "您的角色不能查看此内容。",
    malformed_answer: "服务器的答复无法读取。",
    unknown: "页面出错，请重新加载。",
    reload: "重新加载",
    not_here: "没有这个页面",
    not_here_detail: "地址可能不完整，或已变更。",
    barred: "此页不对您的角色开放",
    barred_detail: "您以“{role}”的身份登录，不能查看这一页。确有需要时，请联系管理员。",
    home: "回到首页",
    update: "控制台已更新，请重新加载页面。",
  },
  time: { just_now: "刚刚", yesterday: "昨天" },
};

export const words = merge(shared, import.meta.glob("./zh-CN/*.ts", { eager: true, import: "default" }));
