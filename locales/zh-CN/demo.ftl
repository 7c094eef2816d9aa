# `cargo xtask demo` 的文本。

demo-title = 平战 Pingzhan：云溪市防汛，在真实的 Kubernetes API 服务器上演示
demo-bar-at = { $what }：{ $n } / { $total } { $detail }
demo-bar-done = { $what }：{ $n } / { $total }（{ $took }）
demo-waiting = 状态显示：{ $sentence }

demo-city = 平时的云溪市
demo-installed = API 服务器 { $url }；资源类型、账号与权限均已就位
demo-fleet-bar = 装载业务系统
demo-fleet = { $departments } 个部门，{ $workloads } 个工作负载，{ $owners } 种归属与写入方式
demo-pods-bar = 就绪的 Pod
demo-before = 事前影像：{ $objects } 个完整对象，{ $fields } 个字段

demo-declare = 宣布
demo-reason = 24 小时降雨 210 毫米，河道达到保证水位
demo-declared = { $who } 以 { $group } 名义宣布防汛Ⅱ级响应
demo-planned =
    方案已存储：{ $targets } 个对象的 { $changes } 处变更
    方案指纹 { $hash }…：审批的就是它

demo-approve = 审批：须两人会签，且都不是宣布人
demo-own-refused = { $who } 审批自己的宣布：被拒绝：{ $why }
demo-own-ignored = { $who } 审批自己的宣布：不计入会签
demo-approved = { $who } 审批通过（{ $n } / 2）

demo-switch = 切换：先收缩后台业务，再扩容民生关键业务
demo-switch-bar = 切换
demo-stage = 阶段 { $name }：{ $applied } / { $changes } 处变更
demo-active = 已启动，用时 { $took }
demo-example = { $object }：平时 { $base } 副本，现为 { $after } 副本

demo-rival = 有人把平时的值改了回去
demo-frozen = old-script 把 { $object } 改回 { $value } 副本：被拒绝：{ $why }
demo-put-back = old-script 把 { $object } 改回 { $value } 副本
demo-held = 守住：{ $took } 后重新写为 { $value } 副本

demo-engineer = 工程师改成了第三个值
demo-third-value = { $who } 把 { $object } 改为 { $value } 副本
demo-drifted = 漂移：不覆盖 { $path }，等待人工裁定
demo-ours = { $who } 裁定“Ours”：重新写为 { $value } 副本

demo-stand-down = 解除
demo-stood-down = { $who } 解除应急：按相反次序全部恢复
demo-return-bar = 恢复（含归属）
demo-value-back = { $object }：{ $took } 后恢复为 { $value } 副本；先还值，再还归属
demo-closed = 已关闭，用时 { $took }

demo-compare = 是否完全一致？
demo-compared = 逐字段比较 { $objects } 个完整对象，包括 managedFields

demo-owners = 归属是否归还？由原归属者以非强制方式更新
demo-owner = { $manager }：{ $object } 改为 { $value } 副本：成功

demo-kept = 集群 { $name } 保留运行。可以试试：
demo-exact = 完全恢复：{ $same } / { $fields } 个字段
