"""Letters of other places as the layer files write them, for comparing words; what is kept stays as it was written."""

from __future__ import annotations

from typing import Final

# Letters of lists as they are written in Hong Kong, Taiwan and Japan, each before the one of the mainland.
_PAIRS: Final = (
    "係系 倉仓 個个 備备 傢家 傷伤 傾倾 價价 優优 儲储 內内 凍冻 別别 創创 劃划 劑剂 動动 務务 勢势 勵励 勸劝 匯汇 匱匮 "
    "區区 協协 員员 啟启 喬乔 單单 嗎吗 嚴严 図图 國国 圍围 園园 圖图 團团 執执 堅坚 報报 場场 塊块 塵尘 墜坠 壓压 壘垒 "
    "壞坏 壩坝 夾夹 孫孙 學学 實实 寧宁 審审 寫写 寬宽 專专 對对 導导 屆届 層层 屬属 島岛 嶺岭 巖岩 帯带 帶带 幣币 幹干 "
    "広广 庫库 廠厂 廢废 廣广 廳厅 強强 彈弹 彎弯 後后 徑径 從从 復复 徵征 恆恒 愛爱 態态 慣惯 應应 懷怀 懸悬 戰战 戶户 "
    "採采 損损 撲扑 擁拥 擊击 擋挡 據据 擠挤 擬拟 擴扩 攔拦 敗败 數数 斷断 時时 曆历 會会 東东 條条 棟栋 業业 極极 構构 "
    "槍枪 樑梁 樓楼 標标 樞枢 樣样 樹树 橋桥 機机 檢检 歐欧 歷历 殘残 殼壳 毀毁 氣气 決决 沒没 況况 淺浅 済济 減减 測测 "
    "渾浑 湯汤 準准 溝沟 溫温 滅灭 滯滞 滲渗 滾滚 潔洁 潤润 澇涝 澤泽 濁浊 濕湿 濟济 濾滤 瀉泻 灣湾 災灾 無无 煙烟 熱热 "
    "燈灯 營营 爐炉 牆墙 牽牵 狀状 狹狭 獎奖 獨独 現现 環环 產产 畝亩 畫画 異异 當当 療疗 癢痒 癥症 発发 發发 盡尽 監监 "
    "盤盘 県县 確确 碼码 礎础 礦矿 禍祸 禮礼 種种 稱称 積积 穩稳 窪洼 競竞 筆笔 節节 範范 築筑 簡简 簽签 籃篮 粵粤 糧粮 "
    "紀纪 約约 紅红 紋纹 納纳 純纯 紙纸 級级 細细 終终 組组 経经 絕绝 絡络 給给 統统 經经 綜综 維维 網网 緊紧 線线 編编 "
    "緩缓 緯纬 縣县 縫缝 縮缩 縱纵 總总 織织 繞绕 續续 罷罢 羅罗 義义 聞闻 聯联 聲声 職职 腳脚 膠胶 臺台 舊旧 艙舱 華华 "
    "蓋盖 藍蓝 藥药 蘊蕴 處处 虛虚 號号 蝕蚀 術术 衛卫 衝冲 補补 裝装 裡里 複复 見见 規规 視视 覽览 觸触 計计 訊讯 "
    "討讨 訓训 託托 記记 設设 許许 診诊 註注 評评 話话 詳详 誌志 認认 說说 調调 論论 證证 識识 議议 護护 讀读 變变 讓让 "
    "貝贝 負负 財财 貨货 貫贯 責责 費费 貿贸 資资 賣卖 質质 賬账 趕赶 趨趋 車车 軟软 較较 載载 輔辅 輕轻 輛辆 輪轮 輸输 "
    "轉转 辦办 週周 進进 運运 過过 達达 違违 適适 遷迁 選选 還还 邊边 邏逻 鄉乡 鄰邻 醫医 醬酱 釋释 針针 鉤钩 鋼钢 錄录 "
    "錨锚 鎖锁 鎮镇 鏈链 鐵铁 鑄铸 鑽钻 長长 門门 閉闭 開开 間间 閘闸 閱阅 關关 陰阴 陸陆 陽阳 隊队 階阶 際际 隨随 險险 "
    "隱隐 雙双 雜杂 離离 難难 雲云 電电 靜静 響响 頁页 頂顶 項项 須须 預预 領领 頻频 題题 顏颜 願愿 類类 顧顾 風风 飛飞 "
    "飲饮 養养 餘余 館馆 駐驻 驅驱 驗验 驟骤 鬆松 鹽盐 麗丽 麵面 橫横 黃黄 點点 齊齐 齡龄 龍龙 "
)


_SIMPLIFIED: Final = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})


def simplified(text: str) -> str:
    """Return a text in the letters of the layer files, where words are compared: 編號 and 編号 are 编号."""
    return text if text.isascii() else text.translate(_SIMPLIFIED)
