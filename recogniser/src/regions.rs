//! Regions of China by name, and the words that end the parts of an address.
//!
//! Written for this project after GB/T 2260 (codes of administrative divisions); districts and towns are known by their form.

/// Provinces, autonomous regions, municipalities and special administrative regions, without what they are.
pub const PROVINCES: &str = "北京 天津 上海 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 \
    台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门";

/// Provinces that are cities themselves.
const CITY_PROVINCES: [&str; 6] = ["北京", "天津", "上海", "重庆", "香港", "澳门"];

/// Cities and prefectures, without what they are.
pub const CITIES: &str = "石家庄 唐山 秦皇岛 邯郸 邢台 保定 张家口 承德 沧州 廊坊 衡水 太原 大同 阳泉 长治 晋城 朔州 晋中 运城 忻州 临汾 吕梁 呼和浩特 包头 乌海 赤峰 \
    通辽 鄂尔多斯 呼伦贝尔 巴彦淖尔 乌兰察布 兴安盟 锡林郭勒 阿拉善 沈阳 大连 鞍山 抚顺 本溪 丹东 锦州 营口 阜新 辽阳 盘锦 铁岭 朝阳 葫芦岛 长春 四平 辽源 \
    通化 白山 松原 白城 延边 哈尔滨 齐齐哈尔 鸡西 鹤岗 双鸭山 大庆 伊春 佳木斯 七台河 牡丹江 黑河 绥化 大兴安岭 南京 无锡 徐州 常州 苏州 南通 连云港 淮安 \
    盐城 扬州 镇江 泰州 宿迁 杭州 宁波 温州 嘉兴 湖州 绍兴 金华 衢州 舟山 台州 丽水 合肥 芜湖 蚌埠 淮南 马鞍山 淮北 铜陵 安庆 黄山 滁州 阜阳 宿州 六安 亳州 \
    池州 宣城 福州 厦门 莆田 三明 泉州 漳州 南平 龙岩 宁德 南昌 景德镇 萍乡 九江 新余 鹰潭 赣州 吉安 宜春 抚州 上饶 济南 青岛 淄博 枣庄 东营 烟台 潍坊 济宁 \
    泰安 威海 日照 临沂 德州 聊城 滨州 菏泽 郑州 开封 洛阳 平顶山 安阳 鹤壁 新乡 焦作 濮阳 许昌 漯河 三门峡 南阳 商丘 信阳 周口 驻马店 济源 武汉 黄石 十堰 \
    宜昌 襄阳 鄂州 荆门 孝感 荆州 黄冈 咸宁 随州 恩施 仙桃 潜江 天门 长沙 株洲 湘潭 衡阳 邵阳 岳阳 常德 张家界 益阳 郴州 永州 怀化 娄底 湘西 广州 韶关 深圳 \
    珠海 汕头 佛山 江门 湛江 茂名 肇庆 惠州 梅州 汕尾 河源 阳江 清远 东莞 中山 潮州 揭阳 云浮 南宁 柳州 桂林 梧州 北海 防城港 钦州 贵港 玉林 百色 贺州 河池 \
    来宾 崇左 海口 三亚 三沙 儋州 成都 自贡 攀枝花 泸州 德阳 绵阳 广元 遂宁 内江 乐山 南充 眉山 宜宾 广安 达州 雅安 巴中 资阳 阿坝 甘孜 凉山 贵阳 六盘水 遵义 \
    安顺 毕节 铜仁 黔西南 黔东南 黔南 昆明 曲靖 玉溪 保山 昭通 丽江 普洱 临沧 楚雄 红河 文山 西双版纳 大理 德宏 怒江 迪庆 拉萨 日喀则 昌都 林芝 山南 那曲 阿里 \
    西安 铜川 宝鸡 咸阳 渭南 延安 汉中 榆林 安康 商洛 兰州 嘉峪关 金昌 白银 天水 武威 张掖 平凉 酒泉 庆阳 定西 陇南 临夏 甘南 西宁 海东 海北 黄南 海西 玉树 \
    银川 石嘴山 吴忠 固原 中卫 乌鲁木齐 克拉玛依 吐鲁番 哈密 昌吉 博尔塔拉 巴音郭楞 阿克苏 喀什 和田 伊犁 塔城 阿勒泰 石河子 台北 高雄 台中 台南 新北 桃园 \
    基隆 新竹 九龙 昆山 义乌 常熟 江阴 张家港 慈溪 晋江 浦东 海淀 朝阳";

/// What a region can be called after its name, the longest first.
pub const REGION_ENDS: [&str; 15] = [
    "维吾尔自治区",
    "壮族自治区",
    "回族自治区",
    "特别行政区",
    "自治区",
    "自治州",
    "自治县",
    "地区",
    "新区",
    "省",
    "市",
    "区",
    "州",
    "盟",
    "县",
];

/// Ends of a region that is smaller than a city.
const SMALLER_ENDS: [&str; 4] = ["新区", "区", "县", "自治县"];

/// What ends the name of a district, a county or a town.
pub const DISTRICT_ENDS: [&str; 16] = [
    "经济技术开发区",
    "技术开发区",
    "经济开发区",
    "高新技术开发区",
    "开发区",
    "高新区",
    "自治县",
    "自治旗",
    "街道办事处",
    "街道",
    "新区",
    "区",
    "县",
    "旗",
    "镇",
    "乡",
];

/// What ends the name of a road.
pub const ROAD_ENDS: [&str; 15] =
    ["大街", "大道", "公路", "胡同", "环路", "北路", "南路", "东路", "西路", "中路", "路", "街", "巷", "弄", "道"];

/// What ends the name of an estate, a building or a village.
pub const PLACE_ENDS: [&str; 33] = [
    "家属院",
    "家属楼",
    "工业园",
    "产业园",
    "科技园",
    "住宅区",
    "新村",
    "小区",
    "花园",
    "花苑",
    "公寓",
    "大厦",
    "大楼",
    "广场",
    "家园",
    "佳苑",
    "公馆",
    "别墅",
    "社区",
    "宿舍",
    "嘉园",
    "名苑",
    "名城",
    "中心",
    "国际",
    "山庄",
    "新城",
    "雅苑",
    "豪庭",
    "苑",
    "园",
    "城",
    "村",
];

/// What follows the number of a house, a building, a floor or a room, the longest first.
pub const NUMBER_ENDS: [&str; 22] = [
    "号大院",
    "号院",
    "号楼",
    "号门",
    "号房",
    "号室",
    "单元",
    "楼层",
    "号",
    "栋",
    "幢",
    "座",
    "楼",
    "层",
    "室",
    "房",
    "户",
    "组",
    "队",
    "弄",
    "社",
    "院",
];

/// Words that say that an address follows.
pub const CUES: [&str; 33] = [
    "地址",
    "住址",
    "住在",
    "家住",
    "寄到",
    "寄往",
    "寄去",
    "送到",
    "发到",
    "邮寄",
    "位于",
    "户籍",
    "籍贯",
    "搬到",
    "搬去",
    "现住",
    "居住",
    "我住",
    "租住",
    "租在",
    "家在",
    "收货",
    "配送",
    "所在地",
    "改成",
    "改为",
    "上门",
    "邮到",
    "就在",
    "坐落",
    "门牌",
    "住所",
    "住",
];

/// What makes a region a part of the name of something else.
pub const ORGANISATIONS: [&str; 44] = [
    "银行",
    "分行",
    "支行",
    "公司",
    "大学",
    "学院",
    "医院",
    "政府",
    "法院",
    "检察院",
    "公安",
    "人民",
    "中级",
    "高级",
    "市场",
    "集团",
    "股份",
    "证券",
    "保险",
    "机场",
    "火车",
    "高铁",
    "地铁",
    "日报",
    "晚报",
    "卫视",
    "电视",
    "队",
    "人",
    "话",
    "菜",
    "烤鸭",
    "小吃",
    "啤酒",
    "时间",
    "户口",
    "商会",
    "协会",
    "博物馆",
    "图书馆",
    "体育",
    "中学",
    "小学",
    "分公司",
];

/// How much of an address is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Its province.
    Province,
    /// Its city, with the province where it says one.
    City,
}

/// Returns what a plain address begins with, down to its province or its city; `None` where it doesn't say so.
pub fn region(address: &str, depth: Depth) -> Option<&str> {
    let before = if address.starts_with("中国") { "中国".len() } else { 0 };
    let Some((province, is_city)) = address.get(before..).and_then(|rest| first(rest, PROVINCES)) else {
        let (city, _) = address.get(before..).and_then(|rest| first(rest, CITIES))?;
        return (depth == Depth::City).then(|| address.get(..before + city)).flatten();
    };
    let province = before + province;
    if is_city || depth == Depth::Province {
        return address.get(..province);
    }
    let (city, _) = first(address.get(province..)?, CITIES)?;
    address.get(..province + city)
}

/// The bytes of the region of a list that a text begins with, and whether it is a province that is a city.
fn first(text: &str, names: &'static str) -> Option<(usize, bool)> {
    let name = names.split_whitespace().filter(|name| text.starts_with(name)).max_by_key(|name| name.len())?;
    let rest = text.get(name.len()..)?;
    let end = REGION_ENDS.into_iter().find(|end| rest.starts_with(end)).unwrap_or_default();
    (!SMALLER_ENDS.contains(&end)).then_some((name.len() + end.len(), CITY_PROVINCES.contains(&name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_tells_its_province_or_its_city_and_no_more() {
        for (address, province, city) in [
            ("北京市朝阳区建国路88号", Some("北京市"), Some("北京市")),
            ("广东省深圳市南山区科技园路1号", Some("广东省"), Some("广东省深圳市")),
            ("广东深圳科技园", Some("广东"), Some("广东深圳")),
            ("中国浙江省杭州市文三路9号", Some("中国浙江省"), Some("中国浙江省杭州市")),
            ("新疆维吾尔自治区巴音郭楞州库尔勒", Some("新疆维吾尔自治区"), Some("新疆维吾尔自治区巴音郭楞州")),
            ("杭州市文三路9号", None, Some("杭州市")),
            ("海淀区中关村大街1号", None, None),
            ("广东省某县人民路2号", Some("广东省"), None),
            ("建国路88号", None, None),
            ("221B Baker Street London", None, None),
            ("", None, None),
        ] {
            assert_eq!(region(address, Depth::Province), province, "{address}");
            assert_eq!(region(address, Depth::City), city, "{address}");
        }
    }
}
