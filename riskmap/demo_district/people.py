"""Made-up responsible persons. Nobody can be called: names use no surname, phones one reserved-looking block.

What the demo's risk points are: for each kind its nouns, department, accident and how often it is met.

Made-up words: sub-districts, communities, roads, brands. None of them is a place or a firm on purpose.

Whatever could be taken for a real place carries 演示 (demo) in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riskmap.values.records import Contact


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


DISTRICT: Final = "演示区"


MARK: Final = "演示数据 demo data"


SUBDISTRICTS: Final = (
    "演示青榕街道",
    "演示松涧街道",
    "演示云渡街道",
    "演示鹭汀街道",
    "演示石屏街道",
    "演示梅坳街道",
    "演示稻溪街道",
    "演示竹桥街道",
    "演示禾岗街道",
    "演示砚湾街道",
)


COMMUNITIES: Final = tuple(
    a + b
    for a in ("晴", "霁", "澄", "岚", "沐", "芷", "筠", "栖", "朗", "蔚")
    for b in ("禾", "溪", "岭", "桥", "塘", "园", "洲", "坪", "湾", "泉")
)


ROAD_FIRST: Final = tuple("晨暮星霞露霜雪虹岚汀芦荻蒲菱荷桂枫柏杉榆槐桐椿楠樟棠杏梨柚橘茗菊兰葵萱蓼蕨苔藤荔")


ROAD_SECOND: Final = tuple("岸畔谷麓岗坡岩涧泽渚浦渡陌垄畦圃苑庭台阁亭坊里舍仓埠港滩坞屿")


BRAND_FIRST: Final = tuple(
    "鸿栈瀚澜锦绣腾翼恒旭卓屹沛霖晟昶熙煦琅璟瑜琳珩翊翎翰骏骐岳峻嵘巍泓泽淳湛漾潇淼磊砺铭锐钧鑫铎"
)


BRAND_SECOND: Final = tuple(
    "达通和顺盛昌隆兴安泰宁康乐悦欣美佳丽雅诚信义仁礼智勇力源丰茂荣华宝利富贵优品正合众联创新启航"
)


ESTATES: Final = ("新村", "花园", "雅苑", "小区", "家园", "公寓")


FOREST_AREAS: Final = (
    "望云",
    "听松",
    "栖鹤",
    "落霞",
    "凌霄",
    "抱朴",
    "回雁",
    "卧石",
    "拥翠",
    "揽月",
    "含烟",
)


SURNAMES: Final = tuple("演示样例虚拟")  # none of them is a surname


GIVEN_FIRST: Final = tuple("青松云石梅竹禾溪桥舟帆灯书砚")


GIVEN_SECOND: Final = tuple("山水木禾月星晨露谷泉岸原野林川屿岚")


PHONES = 10_000  # 13900000000 to 13900009999


class People:
    """A supply of contacts that never gives two persons the same phone number (while numbers last)."""

    def __init__(self, rng: np.random.Generator, today: date) -> None:
        names = [s + a + b for s in SURNAMES for a in GIVEN_FIRST for b in GIVEN_SECOND]
        self._names: list[str] = rng.permutation(names).tolist()
        self._numbers: list[int] = rng.permutation(PHONES).tolist()
        self._verified: list[str] = [
            (today - timedelta(days=int(d))).isoformat() for d in rng.integers(5, 170, 997)
        ]
        self._next = 0

    def contact(self, role: str, post: str | None = None) -> Contact:
        """Return a new person in this role, last verified within half a year."""
        i = self._next
        self._next += 1
        return Contact(
            role=role,
            name=self._names[i % len(self._names)],
            phone=f"1390000{self._numbers[i % PHONES]:04d}",
            post=post,
            verified_on=self._verified[i % len(self._verified)],
        )

    def contacts(self, role: str, count: int, posts: Sequence[str | None] = (None,)) -> list[Contact]:
        """Return `count` new persons, their posts taken in turn."""
        return [self.contact(role, posts[i % len(posts)]) for i in range(count)]


def as_objects(values: Sequence[object]) -> NDArray[np.object_]:
    """Return a one-dimensional object array (numpy would make a tuple's items a second dimension)."""
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array
