# `pingzhan rehearse` 的文字。

rehearse-no-playbook = { $name } 不是文件，快照中也没有同名预案：请给出文件，或对含有该预案的集群重新取快照
rehearse-title = 推演：{ $playbook }，{ $level } 级响应
rehearse-sweep = 推演矩阵：{ $playbook }
rehearse-progress = [{ $number }/{ $of }] { $level } 级，{ $fault }：{ $sentence }
rehearse-no-fault = 无故障
rehearse-more = ……另有 { $count } 项：用 --output json 查看全部
rehearse-none = 无
rehearse-written = 报告页已写入 { $file }

rehearse-good = 合格：按时切换并还原，无被拒绝项，{ $fields } 个字段中 { $same } 个与原来一致（含归属）
rehearse-bad = 需要整改：{ $why }
rehearse-end-not-planned = 没有可供批准的计划
rehearse-end-not-approved = 批准人数不足
rehearse-end-not-switched = 切换不能自行完成
rehearse-end-not-restored = 还原不能自行完成
rehearse-why-late = { $count } 项时限目标未达到
rehearse-why-refused = { $count } 项被拒绝
rehearse-why-failed = { $count } 个阶段有失败
rehearse-why-unready = { $count } 个工作负载在战时未就绪
rehearse-why-left = { $count } 个字段未还原
rehearse-why-differs = { $fields } 个字段中仅 { $same } 个与原来一致
rehearse-waited = 停在：{ $what }

rehearse-played = 推演内容
rehearse-played-playbook = 预案 { $name }：{ $title }（维护单位：{ $owner }）
rehearse-played-level = { $level } 级响应，种子 { $seed }
rehearse-played-parameter = 参数 { $name } = { $value }
rehearse-played-fault = 故障 { $fault }：{ $what }
rehearse-played-snapshot = 快照时间 { $taken }，由 { $by } 获取，Kubernetes { $server }，{ $objects } 个对象
rehearse-fault-node-loss = 切换中失去一个节点，不再恢复
rehearse-fault-controllers-slow = 控制器与容器启动慢五倍
rehearse-fault-api-429 = API 服务器拒绝五分之一的请求
rehearse-fault-gitops-reverts = GitOps 把值改回
rehearse-fault-approver-late = 每位批准人迟到 20 分钟
rehearse-fault-operator-death = 切换与还原中各杀死一次 operator
rehearse-fault-hand-edit = 战时有人手工修改三处副本数

rehearse-timeline = 经过
rehearse-moment-declared = { $by }（{ $group }）宣布
rehearse-moment-planned = 计划已生成：{ $targets } 个对象，{ $changes } 处变更
rehearse-moment-approved = { $by }（{ $group }）批准
rehearse-moment-activated = 生效：开始切换
rehearse-moment-stage-began = 阶段 { $stage } 开始
rehearse-moment-stage-done = 阶段 { $stage } 完成
rehearse-moment-stage-failed = 阶段 { $stage } 失败
rehearse-moment-asked = 关口 { $step } 等待答复
rehearse-moment-answered = { $by }（{ $group }）在 { $step } 答复：继续
rehearse-moment-active = 进入战时：各阶段均已结束
rehearse-moment-struck = 故障 { $fault }：{ $what }
rehearse-struck-at = { $object }
rehearse-struck-nothing = 没有可作用的对象
rehearse-struck-gitops = { $count } 个对象由 GitOps 下发
rehearse-moment-drifted = 有人改动了 { $object } 的 { $path }：等待裁决
rehearse-moment-decided = { $by } 裁决 { $object } 的 { $path }：以我为准
rehearse-moment-stood-down = { $by } 宣布解除
rehearse-moment-closed = 已关闭：全部还原，含字段归属
rehearse-moment-gave-up = 不再推进；停在：{ $what }

rehearse-stages = 阶段
rehearse-head-stage = 阶段
rehearse-head-state = 状态
rehearse-head-began = 开始
rehearse-head-took = 用时
rehearse-head-changes = 已变更
rehearse-head-failed = 失败
rehearse-switch = 切换用时 { $took }
rehearse-switch-objective = 切换用时 { $took }，目标 { $objective }：{ $met ->
    [yes] 达到
   *[no] 未达到
}
rehearse-return = 还原用时 { $took }
rehearse-return-objective = 还原用时 { $took }，目标 { $objective }：{ $met ->
    [yes] 达到
   *[no] 未达到
}

rehearse-critical = 关键服务
rehearse-critical-none = 该级别没有标注 critical: true 的步骤，或其对象没有容器
rehearse-critical-ready = { $objects } 个中 { $ready } 个就绪；自生效起首个 { $first }，半数 { $half }，全部 { $all }
rehearse-critical-never = 始终未就绪
rehearse-critical-late = 始终未就绪：{ $object }

rehearse-capacity = 资源余量
rehearse-unready = 解除时仍未就绪：{ $object }，{ $wanted } 个副本中 { $ready } 个就绪
rehearse-findings = 批准前应知
rehearse-concern-harm = 危害
rehearse-concern-risk = 风险
rehearse-concern-note = 提示
rehearse-refused = 被拒绝
rehearse-fights = 谁在争夺哪个字段
rehearse-head-object = 对象
rehearse-head-field = 字段
rehearse-head-rival = 对方
rehearse-head-wrote = 改写次数
rehearse-head-again = 重新写入
rehearse-head-end = 结局
rehearse-left = 未能撤销
rehearse-left-notify = { $what }：通知已发出，无法收回
rehearse-left-run = { $what }：已运行的任务无撤销动作
rehearse-left-call = { $what }：已发出的调用无撤销动作
rehearse-skipped = 计划未触及
rehearse-exactness = 还原是否精确
rehearse-exact = { $fields } 个字段中 { $same } 个与原来一致（含归属）
rehearse-requests = operator 共发出 { $sent } 个请求，其中 { $turned } 个被拒绝后重试

rehearse-model = 时间模型
rehearse-model-round-trip = 一次请求用时 { $time }
rehearse-model-write = 一次写入占用服务器 { $time }
rehearse-model-read = 一次读取占用服务器 { $time }
rehearse-model-controller = 工作负载控制器处理一处变更用时 { $time }
rehearse-model-ready = 容器组分到节点后 { $time } 就绪
rehearse-model-measured = 其中 { $count } 个工作负载的就绪时间取自快照
rehearse-model-autoscaler = 自动扩缩每 { $time } 检查一次
rehearse-model-people = 每位批准人用时 { $time }，关口答复用时 { $answer }
rehearse-model-job = 一个任务用时 { $time }
rehearse-model-lease = operator 死亡后最早 { $time } 由另一个接替
rehearse-model-concurrency = 最多同时 { $count } 个写入
rehearse-source-snapshot = 随快照测得
rehearse-source-assumed = 假定值
rehearse-source-fault = 由故障设定

rehearse-unknown = 推演无法得知的事
rehearse-unknown-startup = 紧急时容器能否同样快地启动：镜像、缓存、存储卷、负载
rehearse-unknown-scheduling = 调度器如何处理污点、亲和、打散、优先级与抢占：这里容器组只去第一个有余量的节点
rehearse-unknown-load = 公众访问会带来多少负载，自动扩缩如何反应：这里在上下限之内不变
rehearse-unknown-webhooks = 准入 webhook、云配额以及 API 服务器之外的系统会拒绝什么
rehearse-unknown-people = 相关人员是否在岗、是否确在其组
rehearse-unknown-since = 取快照之后的变化
rehearse-unknown-left-out = 快照没有收录的内容，见下
rehearse-unknown-messages = 通知是否送达、是否有人看：这里视为送达
rehearse-unknown-calls = 被调用的系统是否应答、做了什么：这里立即应答
rehearse-unknown-jobs = 任务能否完成、做了什么
rehearse-unknown-metrics = Prometheus 的回答：这里每个查询都有一个样本
rehearse-lacks = 快照缺少的内容
rehearse-lacks-kind = { $kind } 的 { $count } 个对象：此处不支持
rehearse-lacks-item = { $what }（{ $count }）：{ $why }

rehearse-head-fault = 故障
rehearse-head-level = { $level } 级
rehearse-cell-good = 合格，{ $took }
rehearse-cell-not-planned = 无计划
rehearse-cell-not-approved = 批准不足
rehearse-cell-not-switched = 切换停滞
rehearse-cell-not-restored = 还原停滞
rehearse-cell-mend = 整改，{ $took }
rehearse-matrix-why = { $level } 级，{ $fault }：{ $why }
rehearse-matrix-legend = 每格给出是否合格与切换用时（分:秒）

rehearse-picture-time = 自宣布起
rehearse-picture-critical = 关键服务就绪
rehearse-picture-people = 人员
rehearse-picture-held = 战时保持
rehearse-picture-return = 还原
