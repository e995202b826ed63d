"""What the demo's risk points are: for each kind its nouns, department, accident and how often it is met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of risk point. `share` of all points; `large`, `general`: how readily it takes those bands."""

    id: str
    share: float
    nouns: tuple[str, ...]
    department: str
    accidents: tuple[str, ...]
    measures: str
    large: float = 0.01
    general: float = 1.0
    hazard: str | None = None  # 墙坡河坑管路树
    wind: tuple[str, ...] = ("none",)
    workers: int = 0  # exposed to poison, explosion or fire at one time, at most


_NONE: Final = ("none",) * 11  # most points of a kind carry nothing that the wind takes

KINDS: Final = (
    Kind(
        "fire",
        0.26,
        (
            "五金店",
            "百货店",
            "餐馆",
            "茶餐厅",
            "洗衣店",
            "旅馆",
            "网吧",
            "家具店",
            "仓储点",
            "电动车行",
            "出租屋",
        ),
        "演示区消防救援大队",
        ("火灾",),
        "配备灭火器材，每日巡查用火用电，疏散通道保持畅通",
        general=1.2,
    ),
    Kind(
        "industry_trade",
        0.15,
        ("机械厂", "塑胶厂", "电子厂", "包装厂", "印刷厂", "食品厂", "木制品厂", "模具厂"),
        "演示区应急管理局",
        ("机械伤害", "火灾", "触电", "粉尘爆炸"),
        "岗位操作规程上墙，设备防护装置定期检查",
        large=0.2,
        general=2.0,
        wind=(*_NONE, "temporary_shed"),
        workers=8,
    ),
    Kind(
        "crowded_place",
        0.12,
        ("商场", "农贸市场", "影城", "健身馆", "培训中心", "幼儿园", "养老院", "体育馆", "歌舞厅"),
        "演示区文化体育局",
        ("火灾", "拥挤踩踏"),
        "核定人数，专人疏导，应急照明和指示标志完好",
        large=0.6,
        general=2.2,
        wind=(*_NONE, "billboard", "green_roof"),
    ),
    Kind(
        "special_equipment",
        0.10,
        ("客梯", "货梯", "自动扶梯", "锅炉房", "叉车场", "起重机"),
        "演示区市场监督管理局",
        ("电梯困人", "坠落", "锅炉爆炸"),
        "持证上岗，按期检验，每月维护保养",
        general=0.8,
    ),
    Kind(
        "minor_works",
        0.08,
        ("装修工程", "外墙清洗作业", "招牌安装作业", "管道疏通作业", "空调安装作业"),
        "演示区住房和建设局",
        ("高处坠落", "触电", "中毒和窒息"),
        "备案后施工，网格员到场核查，系挂安全带",
        general=1.6,
        wind=(*_NONE, "scaffold", "billboard"),
    ),
    Kind(
        "traffic",
        0.07,
        ("路口", "学校门前路段", "客运站场", "货运站场", "急弯路段", "公交首末站"),
        "演示区交通运输局",
        ("道路交通事故",),
        "完善标志标线，高峰时段疏导",
        hazard="road",
    ),
    Kind(
        "construction",
        0.05,
        ("住宅楼工地", "厂房工地", "学校工地", "道路改造工地", "基坑工程", "管廊工地"),
        "演示区住房和建设局",
        ("高处坠落", "坍塌", "物体打击", "起重伤害"),
        "专项方案经论证，监理旁站，每日班前教育",
        large=2.0,
        general=4.0,
        hazard="pit",
        wind=("none", "none", "none", "tower_crane", "scaffold", "temporary_shed"),
    ),
    Kind(
        "gas",
        0.05,
        ("燃气调压站", "瓶装气供应点", "燃气管道井", "餐饮用气点"),
        "演示区住房和建设局",
        ("燃气泄漏", "爆炸", "火灾"),
        "安装报警器和切断阀，定期检漏",
        large=2.5,
        general=2.6,
        hazard="pipe",
        workers=5,
    ),
    Kind(
        "dilapidated_building",
        0.035,
        ("老旧住宅", "旧厂房", "旧祠堂", "旧校舍", "围墙"),
        "演示区住房和建设局",
        ("房屋倒塌",),
        "挂牌警示，定期观测，汛期撤离人员",
        general=1.6,
        hazard="wall",
        wind=(*_NONE, "temporary_shed"),
    ),
    Kind(
        "hazardous_chemicals",
        0.02,
        ("加油站", "气体充装站", "涂料仓库", "化学试剂店", "溶剂仓库"),
        "演示区应急管理局",
        ("爆炸", "火灾", "中毒和窒息"),
        "双人双锁，泄漏报警，防静电接地",
        large=6.0,
        general=5.0,
        workers=9,
    ),
    Kind(
        "dangerous_slope",
        0.02,
        ("屋后边坡", "路侧边坡", "挡土墙"),
        "演示区规划和自然资源局",
        ("滑坡", "崩塌"),
        "雨前雨中雨后巡查，设警戒线",
        hazard="slope",
    ),
    Kind(
        "waterlogging_spot",
        0.015,
        ("低洼路段", "下沉庭院", "涵洞口"),
        "演示区水务局",
        ("淹溺", "触电"),
        "备沙袋水泵，暴雨预警后值守",
        hazard="river",
    ),
    Kind(
        "ground_collapse",
        0.01,
        ("路面沉降段", "管线渗漏段", "老旧箱涵段"),
        "演示区住房和建设局",
        ("地面坍塌",),
        "探地雷达复测，围挡警示",
        general=1.5,
        hazard="road",
    ),
    Kind(
        "other",
        0.02,
        ("行道古树", "通信铁塔", "水塔", "露天停车场"),
        "演示区城市管理和综合执法局",
        ("物体打击", "其他伤害"),
        "定期检查，台风前加固",
        general=0.5,
        hazard="tree",
        wind=(*_NONE, "billboard"),
    ),
)
