export default {
  button: "导出证据",
  title: "导出证据",
  detail:
    "证据包向没有本控制台的人证明一个会话或一位客户的全部存证记录、一条不少：用 lww-verify 或 verify.html 和纸面上的公钥即可验证。谁导出、何时导出记录在账；事由的文字只在下面的回执里，请一并保存。",
  of: { conversation: "会话", subject: "客户（代号）", range: "时段" },
  id: {
    conversation: "会话编号，与存证记录所载一致（32 位）",
    subject: "客户代号，与存证记录所载一致（32 位）",
  },
  reason: "事由（存入回执）",
  order: "记录并开始收集",
  ordered: "已记为第 {entry} 条存证记录，正在收集",
  own: "您的证据包",
  none: "目前没有。证据包保留一小时。",
  state: {
    waiting: "等待中",
    gathering: "正在收集",
    ready: "可以下载",
    failed: "未能生成",
  },
  entry: "第 {entry} 条存证记录",
  until: "保留到 {time}，之后移除",
  fetch: "下载证据包",
  receipt: "下载回执",
  remove: "移除",
};
