# `pingzhan demo` 的文本。

story-title = 平战 Pingzhan：云溪市防汛，在沙盘上推演，不触及任何集群。
story-step = [回车] 下一幕
story-stage = { $applied } 处，{ $took }
story-instant = 不到 1 秒
story-seconds = { $n } 秒
story-minutes = { $minutes } 分 { $seconds } 秒
story-exact = 完整恢复：{ $same } / { $fields } 个字段，含字段归属
story-differs = 未完整恢复：{ $same } / { $fields } 个字段
story-cannot-declare =
    { $name } 不能以 { $level } 级宣布：
    { $stops }
    请用 --level 和 --set 另选，或修改预案。
story-stop = { "  " }[{ $code }] { $what }: { $help }
story-other-way = 推演走向了别处：{ $what }
story-other-drift = 此预案对他人写入的值另有规定（drift { $drift }），本幕从略
story-failed = { $n } 处变更失败，{ $first }
story-nothing-held = 此预案没有可被改回的副本数

story-city = 平时的云溪市
story-fleet = { $departments } 个部门，{ $workloads } 个工作负载，由 { $owners } 种工具和人员写入
story-before = 事前影像：{ $objects } 个完整对象，{ $fields } 个字段
story-gave = 账号 { $account } 在本市尚无，已授予与本市预案相同的权限

story-warning = 预警
story-warned = 气象台发布暴雨预警：24 小时雨量 210 毫米，河道接近保证水位。预警本身不改变任何东西，由人决定。

story-declare = 值班员宣布
story-reason = 24 小时降雨 210 毫米，河道达到保证水位
story-declared = { $who } 以 { $group } 名义宣布“{ $title }”{ $level } 级响应
story-planned =
    方案已存储：{ $targets } 个对象的 { $changes } 处变更
    方案指纹 { $hash }…：审批的就是它
story-findings = 审批前须知：{ $parts }（见 pingzhan status）
story-harms = { $n } 项损失
story-risks = { $n } 项风险
story-notes = { $n } 项提示
story-left-out = 另有 { $n } 项
story-and = 、
story-nothing-found = 未发现需要提请注意的事项

story-approve =
    { $quorum ->
        [0] 本级别无需会签
        [1] 一人审批，且不是宣布人
        [2] 两人会签，且都不是宣布人
       *[other] { $quorum } 人会签，且都不是宣布人
    }
story-no-quorum = { $level } 级响应按预案无需会签：宣布即可
story-own = { $who } 审批自己的宣布：不计入会签
story-approved = { $who } 审批通过（{ $n } / { $quorum }）

story-switch = 先收缩，再保障民生关键业务
story-switch-bar = 切换
story-answered = { $who } 在确认点 { $gate } 答复：继续
story-critical = { $n } 个关键服务在开始后 { $took }内全部就绪，后续阶段才继续

story-rival = 一个旧脚本把值改了回去
story-frozen = { $who } 把 { $object } 改为 { $value } 副本：被拒绝，封网期间不得变更
story-put-back = old-script 把 { $object } 改回 { $value } 副本
story-held = 已保持：{ $ms } 毫秒后恢复为 { $value } 副本

story-engineer = 一位工程师选了第三个值
story-third-value = { $who } 把 { $object } 设为 { $value } 副本
story-drifted = 无人覆盖它：{ $path } 等待人的裁定
story-ours = { $who } 裁定按方案执行：恢复为 { $value } 副本

story-raise = 升至 I 级响应
story-gravest = 已是最高级别
story-proposed =
    { $who } 申请 I 级响应：方案含 { $changes } 处变更
    { $quorum ->
        [1] 一人同意之前，
        [2] 两人同意之前，
       *[other] { $quorum } 人同意之前，
    }{ $level } 级响应继续有效
story-raised = I 级响应生效：保持 { $applied } 处变更

story-stand-down = 解除
story-stood-down = { $who } 宣布解除：按相反顺序全部恢复
story-return-bar = 已归还
story-closed = 结束，用时 { $took }

story-compare = 一切如初？
story-compared = 逐字段比对 { $objects } 个完整对象，含字段归属

story-kept =

    城市在 { $url } 继续提供服务，操作器照常运行，时间从此与现实同步。
    其 kubeconfig 为 { $path }，每人一个上下文：
    { $people }
    接着，在另一个终端：
    { "  " }export KUBECONFIG={ $path }
    { "  " }kubectl get deployments --all-namespaces
    { "  " }{ $program } status { $mode }
    { "  " }{ $program } --context duty-officer-zhou declare second \
    { "    " }--playbook { $playbook } --level II --reason 再次降雨 --yes
    { "  " }{ $program } --context approver-lin approve second --yes
    { "  " }{ $program } --context approver-chen approve second --yes
    { "  " }{ $program } status second
    按 Ctrl-C 结束；kubeconfig 一并删除。
