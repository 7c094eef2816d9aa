# `pingzhan demo` 的文本。

story-title = 平战 Pingzhan：云溪市防汛，在沙盘上推演，不触及任何集群。
story-step = [回车] 下一幕
story-stage = { $applied } 处，用时 { $took }
story-exact = 完整恢复：{ $same } / { $fields } 个字段，含字段归属
story-differs = 未完整恢复：{ $same } / { $fields } 个字段
story-no-playbook = { $file } 不是预案：{ $problem }
story-other-way = 推演走向了别处：{ $what }
story-nothing-held = 此预案没有可被改回的副本数

story-city = 平时的云溪市
story-fleet = { $departments } 个部门，{ $workloads } 个工作负载，由 { $owners } 种工具和人员写入
story-before = 事前影像：{ $objects } 个完整对象，{ $fields } 个字段

story-warning = 预警
story-warned = 气象台发布暴雨预警：24 小时雨量 210 毫米，河道接近保证水位。预警本身不改变任何东西，由人决定。

story-declare = 值班员宣布
story-reason = 24 小时降雨 210 毫米，河道达到保证水位
story-declared = { $who } 以 { $group } 名义宣布防汛 { $level } 级响应
story-planned =
    方案已存储：{ $targets } 个对象的 { $changes } 处变更
    方案指纹 { $hash }…：审批的就是它

story-approve = 两人会签，且都不是宣布人
story-own = { $who } 审批自己的宣布：不计入会签
story-approved = { $who } 审批通过（{ $n } / 2）

story-switch = 先收缩，再保障民生关键业务
story-switch-bar = 切换
story-answered = { $who } 在确认点 { $gate } 答复：继续
story-critical = { $n } 个关键服务在开始后 { $took } 就绪，先于其后的一切

story-rival = 一个旧脚本把值改了回去
story-put-back = old-script 把 { $object } 改回 { $value } 副本
story-held = 已保持：{ $took } 后恢复为 { $value } 副本

story-engineer = 一位工程师选了第三个值
story-third-value = { $who } 把 { $object } 设为 { $value } 副本
story-drifted = 无人覆盖它：{ $path } 等待人的裁定
story-ours = { $who } 裁定按方案执行：恢复为 { $value } 副本

story-raise = 升至Ⅰ级响应
story-gravest = 已是最高级别
story-proposed =
    { $who } 申请Ⅰ级响应：方案含 { $changes } 处变更
    两人同意之前，{ $level } 级响应继续有效
story-raised = Ⅰ级响应生效：保持 { $applied } 处变更

story-stand-down = 解除
story-stood-down = { $who } 宣布解除：按相反顺序全部恢复
story-return-bar = 已归还
story-closed = 结束，用时 { $took }

story-compare = 一切如初？
story-compared = 逐字段比对 { $objects } 个完整对象，含字段归属
