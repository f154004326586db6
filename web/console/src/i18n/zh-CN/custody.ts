export default {
  title: "谁在看着这本账",
  detail: "只有自己看得到的账，可以被整本换掉。所以要有别人一起看着：人越多、彼此越不相干，越可靠。",
  more: "看看是谁",
  overall: {
    good: "一切正常：{count} 方在看，没有发现异常",
    quiet: "没有异常；有些可做的尚未启用",
    warn: "有 {count} 处需要有人看一下",
    bad: "请立即处理：{count} 处不能等",
  },
  picture: "{name}已看到 {end} 条中的 {size} 条",
  picture_none: "{name}还没有看到任何记录",
  legend:
    "每一环代表若干条存证记录，最新的在右边。亮的表示已看到；从右数第一环是一条，往左每一环约为前一环的三倍。",
  level: { good: "正常", quiet: "暂无", warn: "需要看一下", bad: "立即处理" },
  of: {
    head: "账本自身",
    published: "对外公布",
    witness: "见证节点 {name}",
    witnesses: "见证节点",
    anchor: "外部时钟 {name}",
    mirror: "异地副本",
    seal: "每日封存",
    self_audit: "服务器自查",
  },
  seen: "{size} 条",
  up_to_date: "已是最新",
  behind: "落后 {count} 条",
  since: "截至 {time}",
  quorum: "公布之前，须有 {of} 个见证节点中至少 {count} 个联署。",
  quorum_text: "公布之前须由以下见证节点联署：{text}。",
  reason: "给运维看的原因：",
  says: {
    head: {
      there: "每件事是链上的一环，每一环都含有前一环的指纹。",
      absent: "您访问的这台服务器此刻不在写账本。",
    },
    published: {
      current: "这个签过名的状态交给所有来核对的人；更新的在几秒内跟上。",
      waits: "公布停住了。回执照发，但外部看不到更新的记录。",
      never: "还没有公布过。",
    },
    witness: {
      cosigned: "另一台机器签名确认：这个状态只是在以前的基础上增加。",
      behind: "它有应答，但还没有给最新状态签名。",
      refused: "它拒绝签名：不认识账本的这把公钥，或者它见过这本账的另一段历史。",
      unreachable: "它没有应答。",
      unasked: "还没有问过它。",
    },
    witnesses: {
      none: "只有银行自己的服务器在看。谁同时掌握了服务器和密钥，就可以换掉历史，只有留有回执或副本的人才会发现。",
    },
    anchor: {
      confirmed: "外部机构签名确认：这个状态在该时刻已经存在。其回执就是账本里的一条记录。",
      refused: "它没有给出回执，或者给出的回执不成立。",
      unreachable: "它没有应答。服务器会自动再问；消息照常接收。",
      unasked: "还没有问过它。",
    },
    mirror: {
      current: "已公布的内容另有一份副本存放在别处。",
      behind: "副本比已公布的少。",
      unreachable: "此刻写不进副本。",
      differs: "副本里的内容与公布过的不同。",
      off: "别处没有副本。这台机器一旦丢失，除了备份，证明账本的东西也随之丢失。",
    },
    seal: {
      sealed: "每个会话到哪里为止已登记在账，以后从中抽不走任何一条。",
      late: "上次封存已超过一天，而账本有新增。",
      never: "还没有封存过：每天一次。",
    },
    self_audit: {
      idle: "服务器重读了自己写下的内容，没有发现问题。",
      running: "服务器正在重读自己写下的内容。",
      found: "服务器读到的与当初写下的不同：发现 {count} 处。",
      never: "服务器还没有重读过自己写下的内容。",
    },
  },
  act: {
    head: {
      absent: "请问运维哪一台在写。如果一台都没有，则任何消息都得不到确认，不能等。",
    },
    published: {
      waits: "请运维查看哪个见证节点没有签名（见下），以及服务器的磁盘。签名够数后会自动继续。",
      never: "第一条记录之后几秒内应当公布；没有的话，请运维查看服务器。",
    },
    witness: {
      behind: "几分钟以内不必处理；时间更长，请运行它的一方查看机器。",
      refused:
        "不要改动，不要重启。请审计、运维与运行见证节点的一方一起比对：换了公钥，要让它知道；若是另一段历史，那就是证据，须妥善保存。",
      unreachable: "请运行它的一方查看机器，以及两地之间的网络。",
    },
    witnesses: {
      none: "请审计部门在自己的机器上运行一个见证节点（lww witness），再请另一方运行第二个。",
    },
    anchor: {
      refused: "请运维查看它的证书和应答，原因见下。",
      unreachable: "几小时以内不必处理；时间更长，请运维查看通往那里的网络。",
    },
    mirror: {
      behind: "几分钟以内不必处理；时间更长，请运维查看存放副本的地方。",
      unreachable: "请运维查看存放副本的地方，以及两地之间的网络。",
      differs: "不要删除任何东西。请审计用 lww-verify 比对副本与账本：两者之一被改动过。",
    },
    seal: { late: "请运维查看服务器日志。" },
    self_audit: {
      found: "不要停机，不要删除任何东西。请审计用 lww-verify fsck 核对整本账，并与副本或备份比对。",
    },
  },
  to_do: "怎么办：",
  anchors: {
    title: "外部时钟",
    entry: "第 {index} 条",
    after: "形成于 {time} 之后（{name}）",
    after_none: "最近的回执中，没有排在它前面的",
    before: "在 {time} 之前已经存在（{name}）",
    before_none: "还没有回执覆盖到它",
    covers: "{name} 确认了前 {size} 条",
    receipt: "回执在第 {index} 条",
    unchecked:
      "以上时间是回执自己所写。本页只核对回执与检查点是否相符，没有验证回执的签名；签名由 lww-verify anchors 用各机构的证书离线验证。",
  },
};
