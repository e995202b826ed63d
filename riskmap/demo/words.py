"""Made-up words: sub-districts, communities, roads, brands. None of them is a place or a firm on purpose.

Whatever could be taken for a real place carries 演示 (demo) in front.
"""

from __future__ import annotations

from typing import Final

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
