# 命令行文本。英文是全集;这里缺的键显示英文。

cli-error = 错误：{ $text }
nothing-done = 未做任何改动。

# --- 命令说明
about-pingzhan = 按预案在平时与战时之间切换数字服务，并把改动过的每个字段精确还原。
about-declare = 宣布应急模式或演练
about-approve = 审批某个应急模式的方案
about-status = 查看全部应急模式，或某一个的详情
about-stand-down = 随时解除，恢复到平时
about-plan = 查看宣布后会做什么；不做任何改动
about-level = 提出调整响应级别
about-renew = 提出延长期限
about-pause = 暂停写入，直到恢复执行；期限届满仍会自动恢复
about-resume = 暂停后继续执行
about-answer = 在预案的关卡作答
about-skip = 跳过一个步骤，并说明原因
about-verdict = 对被他人改动的字段作出裁定
about-abort = 中止切换，并保持或还原已做的改动
about-break-glass = 应急越权：无需会签立即启动；会留痕、告警，并由他人复核
about-review = 复核他人的应急越权
about-abandon = 放弃一个应急模式：须两人，所有改动保持现状
about-who = 查看某个对象的字段由谁持有、为什么
about-lint = 检查预案：固定编码，指明文件、行、列
about-rbac = 生成预案所需的最小权限
about-rbac-generate = 打印预案的最小账号、角色与绑定，可用于 kubectl apply -f -
about-check = 检查安装：版本、资源类型、策略、操作器、账号，以及您可做之事
about-crds = 输出 CRD，供 kubectl apply -f - 使用
about-restore = 在没有操作器、没有 EmergencyMode 时还原一切
about-run = 运行操作器
about-page = 提供应急公告页，代替暂停的服务
about-demo = 无需集群，观看一座城市从预警到完整恢复的全过程
about-rehearse = 在集群快照上推演预案，可加入故障，并给出报告
about-snapshot = 把预案所涉的集群对象取入一个文件，供推演之用；密钥一概不出集群
about-sandtable = 在内存中的 API 服务器上推演：沙盘
about-sandtable-serve = 在本机提供沙盘服务，并写出其 kubeconfig：写到 --kubeconfig 所指文件，默认 sandtable.kubeconfig
about-version = 显示版本

# --- 参数说明
arg-kubeconfig = 使用的 kubeconfig，代替 $KUBECONFIG、~/.kube/config 或 Pod 自身账号
arg-context = kubeconfig 的上下文
arg-as-user = 以该用户身份操作；需要扮演权限
arg-as-groups = 与 --as 同用的用户组；可重复
arg-lang = 文本语言：en 或 zh-CN；默认取 LC_ALL、LC_MESSAGES 或 LANG
arg-no-color = 不用颜色（同 NO_COLOR）
arg-verbose = 在标准错误上说明更多；-vv 全部说明
arg-name = 应急模式的名称
arg-yes = 不再询问
arg-output = 输出格式
arg-wait-for = 等到该阶段：Pending、Activating、Active、Restoring 或 Closed
arg-timeout = 最多等多久
arg-in-name-of = 以哪个用户组的名义
arg-help = 显示帮助
arg-level = 响应级别：I（最重）、II、III 或 IV
arg-parameters = 预案参数：键=值；可重复
arg-term = 自启动起持续多久
arg-exercise = 这是演练，不是实战
arg-tabletop = 这是桌面推演：记录各项决定，不实际执行
arg-only-namespace = 只限该命名空间；可重复
arg-only-label = 只限带该标签的命名空间：键=值；可重复
arg-declare-name = 新应急模式的名称
arg-declare-file = 含 EmergencyMode 的文件；requestedBy 与 requestedAs 自动填写。`-` 读标准输入
arg-declare-playbook = 要执行的预案
arg-declare-reason = 发生了什么
arg-declare-decided-by = 由谁决定：个人或机构
arg-declare-role = 其职务
arg-declare-instrument = 依据的法律或预案
arg-declare-article = 条款
arg-declare-order-number = 文号
arg-approve-comment = 审批意见
arg-approve-plan = 所指方案的指纹或其开头；别的方案不予审批
arg-status-name = 应急模式的名称；不写则列出全部
arg-status-watch = 持续显示，直到关闭
arg-status-targets = 按变更日志列出全部变更
arg-stand-down-wait = 等到全部还原：同 --wait-for Closed
arg-plan-playbook = 集群中预案的名称
arg-plan-file = 含预案的文件；`-` 读标准输入
arg-namespace = 操作器的命名空间：其租约与事件所在
arg-accounts-namespace = 预案所用服务账号的命名空间
arg-operator-namespace = 操作器的命名空间，从不改动
arg-declare-no-preview = 不先算出方案就宣布：由操作器算出，审批人可见
arg-renew-more = 再延长多久：加在期限上
arg-answer-at = 关卡：阶段/步骤，见状态页
arg-answer-choice = 您的答复：proceed 继续，skip 跳过关卡之后的步骤，stop 停止该阶段
arg-answer-in-name-of = 以哪个组的名义作答；默认取您所在、且关卡所询问的第一个组
arg-skip-at = 步骤：阶段/步骤，见方案
arg-skip-reason = 为什么
arg-run-signals = 说明通知、调用与 Prometheus 查询发往何处的文件；不给则一概不发
arg-verdict-choice = 以谁的值为准：keep 保留他人的值，ours 以我方的值覆盖
arg-verdict-uid = 作用对象的 uid，见状态页
arg-verdict-path = 字段的路径，见状态页
arg-verdict-seen = 所见之值的指纹；默认取状态页现在所示
arg-demo-step = 每一幕之前等待回车
arg-demo-keep = 结束后继续提供服务，并写出 kubeconfig：写到 --kubeconfig 所指文件，默认 sandtable.kubeconfig
arg-demo-speed = 讲述的快慢：2 为两倍速，0 为最快
arg-demo-level = 宣布的级别：I、II、III 或 IV
arg-demo-playbook = 在这座城市上执行的预案，替代 flood-response
arg-rehearse-snapshot = 集群快照，由 pingzhan snapshot 写出
arg-rehearse-playbook = 预案：文件，或快照中的预案名
arg-rehearse-level = 宣布的级别：I、II、III 或 IV
arg-rehearse-levels = 多个级别，各推演一次：all，或 I,II
arg-rehearse-fault = 出现的故障：node-loss、controllers-slow、api-429、gitops-reverts、approver-late、operator-death 或 hand-edit；可重复
arg-rehearse-faults = 多个故障，各推演一次，另加一次无故障：all，或 node-loss,api-429
arg-rehearse-seed = 决定随机之事；同一数字得到同一推演
arg-rehearse-html = 另将报告写成一页，可用浏览器打开或打印
arg-verdict-step = 该步骤的全部漂移字段
arg-verdict-all = 全部漂移字段
arg-break-glass-reason = 为何来不及会签
arg-review-outcome = 您的结论：justified 正当，unjustified 不正当
arg-review-comment = 您的意见
arg-abandon-reason = 为何放弃
arg-abort-choice = 已做的改动如何处置：hold 停止写入、保持现值，restore 全部还原
arg-abort-reason = 为什么
arg-who-object = 对象：类型/名称，如 deployment/portal-web 或 复数.组/名称
arg-who-namespace = 对象的命名空间
arg-who-all = 列出每个有归属的字段，不只是应急模式持有的
arg-rbac-generate-playbook = 预案：文件、`-` 读标准输入，或集群中预案的名称
arg-rbac-generate-levels = 只针对该响应级别：I（最重）、II、III 或 IV；可重复。默认取全部级别
arg-rbac-generate-offline = 不询问集群：步骤按标签选取的对象可能在集群任何地方
arg-check-pre = 安装之前：集群是否支持，您是否有权安装
arg-check-operator-user = 操作器的用户名；默认取集群中准入策略所写的
arg-run-readiness-interval = 预案没有变化时，每隔多久与集群核对一次；0s 表示从不
arg-lint-files = 含预案或应急模式的文件；`-` 读标准输入
arg-restore-name = 应急模式的名称或 uid；不写则取日志尚未关闭的全部
arg-restore-from-records = 只凭变更日志还原；会取得操作器的租约
arg-restore-as-yourself = 以您本人而非预案账号写入对象：用于账号已失去权限时
arg-restore-wait-for-lease = 操作器被强制终止后，等待其租约多久
arg-run-lease-duration = 租约不续期时保持多久
arg-run-renew-deadline = 主持者续租失败多久后退位；默认为 --lease-duration 的三分之二
arg-run-retry-period = 两次续租之间相隔多久；默认为 --lease-duration 的十五分之二
arg-run-concurrency = 同时写入的最多请求数；API 服务器变慢时自动减少
arg-run-metrics-address = /livez、/readyz 与 /metrics 的地址；端口 0 自动选取，日志中注明
arg-snapshot-output = 写入的文件，要么完整、要么没有；`-` 写到标准输出
arg-snapshot-playbook = 只取该预案所涉的对象：集群中预案的名称，或文件；可重复。默认取集群中全部预案的
arg-sandtable-serve-address = 监听的回环地址
arg-sandtable-serve-port = 监听的端口；0 自动选取
arg-sandtable-serve-load = 起始清单：文件，或含 YAML、JSON 文件的目录；可重复
arg-sandtable-serve-no-standins = 不替代集群自身的控制器：负载不会就绪，命名空间不会终止
arg-sandtable-serve-bare = 从空集群开始：没有平战的类型、命名空间与权限
arg-run-record-retention = 已结束的应急模式的变更日志保留多久：天数，或如 36h 的时长
arg-run-log-format = 日志格式：human 供人阅读，json 每行一个对象
arg-run-log-filter = 记录哪些日志
arg-run-identity = 持有租约时使用的名称；默认为主机名加数字
arg-page-address = 监听地址；端口 0 自动选取并输出
arg-page-content = 公告内容文件；内容变化后自动重新读取

# --- 错误:出了什么问题,下一步怎么办
error-kubeconfig = kubeconfig 无法使用：{ $problem }。请检查 --kubeconfig、--context 与 $KUBECONFIG。
error-silent = 集群没有及时回应（{ $what }）。是否已完成尚不清楚：重试前请先用 `pingzhan status` 查看。
error-unreachable = 无法连接集群（{ $what }）：{ $problem }。请检查网络，并运行 `kubectl cluster-info`。
error-server = 集群暂时无法回应（{ $what }）：{ $problem }。请稍后再试。
error-no-kinds = 集群不认识平战的资源类型。请先安装：pingzhan crds | kubectl apply --server-side -f -
error-not-found = { $kind } { $name } 不存在。查看现有的：pingzhan status，或 kubectl get pingzhan
error-exists = { $kind } { $name } 已存在。请换一个名称：已结束的应急模式不会再次启用。
error-read-file = 无法读取 { $file }：{ $problem }。
error-not-in-group = { $user } 不属于以下任何用户组：{ $groups }。请由组内人员操作，或修改预案的授权。
error-closed = { $name } 已关闭，不会再有任何改动。如有需要请另行宣布。
error-contended = EmergencyMode { $name } 一直在被改动。请用 `pingzhan status { $name }` 查看后再试。
error-timed-out = { $name } 未能在 { $timeout } 内进入 { $phase }。它仍在继续：见 `pingzhan status { $name }`。
error-output = 无法输出：{ $problem }。
error-unauthenticated = 集群不接受您的身份（{ $what }）：{ $problem }。请重新登录。
error-refused = 集群拒绝了（{ $what }）：{ $problem }
error-invalid = 集群不接受此内容（{ $what }）：{ $problem }
error-empty-identity = --as 与 --as-group 不能为空：为空时请求会以您本人身份执行。
error-no-terminal = 没有人可以回答。确认要执行请加 --yes。
error-journal = { $name } 的变更日志无法读取：{ $problem }。在人工查看之前不会动它的任何对象。

# --- 宣布
declare-summary =
    宣布 { $name }：{ $level } 级响应，{ $nature }，期限 { $term }
      预案    { $playbook }
      事由    { $reason }
      宣布人  { $user }，以 { $group } 名义
      需要    { $quorum } 人审批
declare-no-preview = 本版本不能预先显示方案：操作器会在任何人审批之前算出并公布方案。
declare-question = 宣布 { $name }？[y/N]
declare-done =
    { $quorum ->
        [0] 已宣布 { $name }，无需审批。查看进展：pingzhan status { $name } -w
       *[other] 已宣布 { $name }。需要 { $quorum } 人审批：pingzhan approve { $name }
    }
declare-bad-file = { $file } 不是 YAML:{ $problem }
declare-wrong-kind = { $file } 的内容是 { $kind }，不是 { $wanted }。
declare-bad-mode = 这不是 EmergencyMode:{ $problem }。见 kubectl explain emergencymode.spec
declare-no-name = EmergencyMode 没有 metadata.name。
declare-no-playbook = EmergencyMode 没有指明预案：请设置 spec.playbookRef.name。
declare-unknown-parameter = 预案没有参数 { $name }。可用参数：{ $known }
declare-bad-parameter = 参数 { $name } 的类型必须是 { $type }。
declare-term-too-long = 期限 { $wanted } 超过了预案在 { $level } 级所允许的 { $longest }。

# --- 审批
approve-plan =
    方案 { $name }：{ $level } 级响应，{ $nature }，{ $targets } 个对象的 { $changes } 处变更
      事由  { $reason }
      指纹  { $hash }
approve-proposal =
    待授权事项 { $name }：{ $level } 级响应，{ $nature }，期限 { $term }，{ $changes } 处变更
      指纹  { $hash }
approve-trying = 操作器正在集群上试行此计划，不作任何更改……
approve-question = 以 { $user } 身份、{ $group } 名义审批通过？[y/N]
approve-done = { $user }（{ $group }）已审批 { $name } 的方案 { $hash }。
approve-no-plan = { $name } 还没有已存储的方案。请等 `pingzhan status { $name }` 显示方案；一直没有则可能操作器未运行。
approve-other-plan = 方案是 { $hash }，不是 { $wanted }。请重新查看后再审批。
approve-own = { $name } 由您宣布，或最近一次级别、期限由您调整：须由他人审批。

# --- 其他操作
stand-down-done = 正在解除 { $name }：所有改动都会还原。
level-done = 已为 { $name } 提出 { $level } 级响应。需要 { $quorum } 人审批；在此之前已授权的内容继续有效。
renew-done = 已为 { $name } 提出期限 { $term }。需要 { $quorum } 人审批；在此之前已授权的内容继续有效。
renew-changed = { $name } 的期限刚被他人改为 { $term }。请重新查看后再延长。
pause-done = { $name } 已暂停：在 `pingzhan resume { $name }` 之前不再写入。期限届满时仍会还原。
resume-done = { $name } 继续执行。
answer-done = 已在 { $name } 的关卡 { $at } 作答：{ $answer }。
answer-given = { $by } 已在 { $at } 答复 { $answer }，以首个答复为准。可用 `pingzhan skip` 跳过步骤，或用 `pingzhan abort` 中止切换。
answer-no-gate = { $at } 不是关卡。预案中的关卡：{ $gates }。
no-such-step = 预案中没有步骤 { $at }。现有步骤：{ $steps }。
skip-done = 已跳过 { $name } 的步骤 { $at }。
verdict-keep-done = 对 { $name } 的裁定：保留他人的值。
verdict-ours-done = 对 { $name } 的裁定：以我方的值覆盖。
verdict-nothing = { $name } 目前没有待裁定的内容。请查看 `pingzhan status { $name }`。
verdict-no-step = 预案中没有步骤 { $step }。现有步骤：{ $steps }。也可以对单个字段（--uid 与 --path）或全部（--all）作出裁定。
verdict-nothing-drifted = 状态中 { $uid } 的 { $path } 没有待裁定的值。请查看 `pingzhan status`，或用 --seen 指明所见的值。
break-glass-question = 以 { $user } 身份、{ $group } 名义对 { $name } 应急越权（不经会签）？将告知各方，并须由他人在 24 小时内复核。[y/N]
break-glass-done = { $by } 已对 { $name } 应急越权。须由他人在 24 小时内复核：pingzhan review { $name } justified|unjustified
break-glass-already = { $by } 已对 { $name } 应急越权。
review-done = 已复核 { $name } 的应急越权。
review-nothing = { $name } 没有应急越权，无需复核。
review-own = { $name } 的应急越权由您作出：须由他人复核。
abandon-question = 放弃 { $name }？它所做的改动将保持现状，不会自动还原。如需还原，请改为解除。[y/N]
abandon-done = { $people ->
        [one] 您已声明放弃 { $name }，还须另一人声明。
       *[other] 已有 { $people } 人声明放弃 { $name }：不再管理，其对象保持现状。
    }
abort-hold-done = { $name } 就地中止；现有值保持不变，期限继续计算。
abort-restore-done = { $name } 就地中止，并还原一切。
abort-already = { $name } 已由 { $by } 中止，且选择不同。中止只能设置一次：请改为解除。
wait-gone = { $name } 已不存在。
wait-passed = { $name } 已是“{ $phase }”：等待的阶段不会再出现。

# --- 状态
status-none = 没有应急模式：平时。
phase-none = 操作器尚未处理
phase-pending = 待启动
phase-activating = 启动中
phase-active = 已启动
phase-restoring = 恢复中
phase-closed = 已关闭
stage-waiting = 等待
stage-running = 进行中
stage-done = 完成
stage-failed = 失败
stage-skipped = 跳过
stage-restored = 已还原
nature-actual = 实战
nature-exercise = 演练/EXERCISE
nature-tabletop = 桌面推演/TABLETOP EXERCISE
label-mode = 应急模式
label-phase = 阶段
label-level = 响应级别
label-playbook = 预案
label-reason = 事由
label-legal-basis = 依据
label-decided-by = 决定
label-declared-by = 宣布
label-waiting = 等待
label-review = 复核
review-overdue = 应急越权的复核已逾期：须由他人复核（pingzhan review { $name } justified|unjustified）
label-plan = 方案
label-granted = 已授权
label-proposed = 待授权
label-denies = 拒绝新建
label-switch = 切换用时
label-restore = 恢复用时
value-level = { $level } 级，{ $nature }
value-declared = { $user }，以 { $group } 名义
value-plan = { $hash }：{ $targets } 个对象的 { $changes } 处变更，{ $amendments } 处增补
value-granted = { $level } 级，至 { $until }；{ $approvals } 人审批，{ $at }
value-denies = { $kinds }（步骤 { $stage }/{ $step }）
value-proposed = { $level } 级，期限 { $term }，{ $changes } 处变更，方案 { $hash }
value-took-met = { $took }，达到目标 { $objective }
value-took-missed = { $took }，未达目标 { $objective }
col-name = 名称
col-playbook = 预案
col-level = 级别
col-nature = 性质
col-phase = 阶段
col-expires = 到期
col-waiting = 等待
col-stage = 阶段
col-state = 状态
col-progress = 进度
col-applied = 已改
col-failed = 失败
col-ready = 就绪
col-message = 说明
conditions-quiet = 另有 { $n } 项状况无需处理（-o yaml 可查看全部）
col-condition = 状况
col-status = 是否
col-reason = 原因
col-step = 步骤
col-target = 作用对象
col-field = 字段
col-base = 平时
col-after = 战时
col-now = 实况
col-why = 为什么
col-holder = 持有者
counts-line = 变更：{ $counts }
count-applied = 已改 { $n }
count-restored = 已还原 { $n }
count-drifted = 漂移 { $n }
count-stuck = 受阻 { $n }
count-refused = 被拒 { $n }
count-gone = 对象已不在 { $n }
count-kept = 保留他值 { $n }
count-covered = 被其他模式覆盖 { $n }
count-overtaken = 已被超过 { $n }
targets-head = 异常对象（裁定时使用下列参数）：
targets-covered = 被其他应急模式覆盖（无需处理）：
findings-unseen = 尚未检查此计划会遇到什么；请几秒后再看
findings-head = 审批前请注意（{ $at } 所见）：
findings-of-plan = - { $concern }：{ $text }
findings-of-step = - { $concern } · { $step }：{ $text }
findings-more = 另有 { $n } 项（`pingzhan plan` 列出全部）
concern-harm = 危害
concern-risk = 风险
concern-note = 提示
timeline-head = 最近事件：
entries-none = 变更日志中没有变更。
who-gone = 其 EmergencyMode 已不存在
who-nobody = 没有应急模式持有 { $object } 的字段。
who-because = { $mode } · { $step } · { $state }
who-under = 其下 { $mode } · { $step } · 拟改 { $after }
who-unread = 无法读取 { $object }，其实况与其他管理者不得而知；以下是变更日志所知。集群答复：{ $problem }
who-not-ours = 非平战所持

# --- 方案
plan-head =
    方案 { $playbook }（{ $level } 级，期限 { $term }）
      账号  { $account }
      指纹  { $hash }
plan-figures =
    { "  " }动作  { $targets } 个对象的 { $changes } 处变更，切换写入 { $writes } 次
    { "        " }（共约 { $requests } 个请求），恢复 { $restores } 次（先值，后归属）
plan-tabletop = { "  " }注意  桌面推演：不实际执行
plan-stage = 阶段 { $name }
plan-stage-after = 阶段 { $name }，在 { $after } 之后
plan-stage-left-out = 阶段 { $name }：不在本方案内：{ $why }
plan-step = 步骤 { $name }（{ $act }）
plan-step-after = 步骤 { $name }（{ $act }），在 { $after } 之后
plan-step-empty = 无需改动
plan-object = （整个对象）
plan-not-there = （不存在）
plan-made = （新建）
plan-act-wait = 等到 { $what }，最多 { $timeout }
plan-act-ready = 步骤 { $step } 的 { $percent }% 就绪
plan-act-rollout = 步骤 { $step } 滚动更新完成
plan-act-freeze = 冻结 { $count } 个命名空间（{ $namespaces }）：{ $stopped } 不得改动其中任何内容，{ $except }；探测证实之后才继续后面的步骤，恢复时最后解除
plan-freeze-people = 人员
plan-freeze-people-and = 人员以及 { $names }
plan-freeze-nobody = 没有例外
plan-freeze-except = { $names } 除外
plan-act-gate = 询问 { $groups }：“{ $prompt }”；{ $timeout } 内无人答复视为 { $silence }
plan-act-notify = 通知 { $channels }：“{ $message }”
plan-act-run = 在 { $namespace } 运行一个 Job；恢复时运行另一个以撤销
plan-act-run-for-good = 在 { $namespace } 运行一个 Job；不可撤销
plan-act-call = 调用 { $url }；恢复时调用 { $undo }
plan-act-call-for-good = 调用 { $url }；不可撤销
plan-skipped = 不动：{ $target }：{ $why }
plan-finding = 请注意：{ $text }
plan-problem = 无法规划：{ $text }
plan-no-changes = 方案不改动任何内容。

# --- 检查、版本
lint-no-playbook = { $file } 中没有 Playbook。
lint-summary = { $files } 个文件：{ $errors } 个错误，{ $warnings } 个警告，{ $notes } 个提示
version-line = 平战 pingzhan { $version }（API { $api }，日志格式 { $format }）

# --- restore --from-records
preview-as-yourself = 您无权以 { $account } 的身份行事，因此以您本人的身份读取预案将改动的对象：操作器所见可能不同。
restore-head = 按日志尚未关闭的应急模式；其全部变更都将还原：
restore-mode = { "  " }{ $name }（{ $uid }）：{ $changes } 处变更
restore-mode-damaged = { "  " }{ $name }（{ $uid }）：日志已损坏，不动其任何对象
restore-question = 取得操作器的租约并还原？[y/N]
restore-lease = 正在等待操作器的租约……
restore-nothing = 所有日志都已关闭：没有需要还原的内容。
restore-led = 另有操作器正在主持并续租。请先停掉它，或由它解除：pingzhan stand-down
restore-refused = 您无权取得操作器的租约：{ $problem }。无操作器时还原，需要对预案的 `recover` 权限和该租约的权限；manifests/people.example.yaml 中的角色 pingzhan-recovery 两者皆有。
restore-left = 尚未还原：
restore-left-to-head = 其他应急模式也持有，留给它们，由其操作器或其还原带回：
restore-left-to = { $field }：{ $mode }
restore-again = 请排除原因后再次执行：已还原的不会再动。
col-mode = 应急模式
col-back = 已还原
col-let-go = 已放手
col-left = 剩余
col-journal = 日志
journal-closed = 已关闭
journal-open = 未关闭

# --- 变更的状态
state-intended = 待写入
state-applied = 已改
state-reverting = 还原中
state-reverted = 值已还原
state-owners-back = 已还原
state-refused = 被拒
state-withdrawn = 已撤回
state-shadowed = 被覆盖
state-overtaken = 已被超过
state-drifted = 漂移
state-stuck = 受阻
state-kept = 保留他值
state-gone = 对象已不在

# --- sandtable serve
sandtable-served =
    沙盘已在 { $url } 提供服务，全部在内存中：结束后不留任何内容。
    其 kubeconfig 为 { $path }，每人一个上下文：
    { $people }
    接着，在另一个终端：
    { "  " }export KUBECONFIG={ $path }
    { "  " }kubectl get namespaces
    { "  " }kubectl --context duty-officer-zhou auth whoami
    { "  " }pingzhan run --context pingzhan-system/pingzhan --metrics-address 127.0.0.1:0
    按 Ctrl-C 结束。
sandtable-person = { "  " }{ $context } 属 { $group }
sandtable-account = { "  " }{ $context }（服务账号）
sandtable-ended = 沙盘已结束。
sandtable-outside = { $address } 可从其他机器访问。沙盘只在回环地址上提供服务，如 127.0.0.1
sandtable-cannot-listen = 无法监听 { $address }：{ $problem }。请用 --port 另选端口，或不写
sandtable-cannot-load = 无法加载 { $file }：{ $problem }
sandtable-cannot-write = 无法写入 { $file }：{ $problem }。请用 --kubeconfig 另选位置
sandtable-other-kubeconfig = { $file } 是另一个 kubeconfig，保持原样。请用 --kubeconfig 另选位置

page-ready = 应急公告页地址：http://{ $address }
# --- rbac generate
rbac-offline = 没有询问集群（{ $problem }）：步骤按标签选取的对象可能在集群任何地方，这些权限因而是整个集群的。
rbac-needs-file = --offline 需要预案文件：没有集群，仅凭名称无从得知。
rbac-danger = 请再看一眼：{ $text }
rbac-note = 尚不清楚：{ $text }
rbac-unread = 未能读取，权限可能不全：{ $text }

# --- check
check-part-cluster = 集群
check-part-kinds = 资源类型
check-part-policies = 准入策略
check-part-namespaces = 命名空间
check-part-operator = 操作器
check-part-modes = 应急模式
check-part-playbooks = 预案
check-part-you = 您
check-all-good = 一切正常。
check-summary = { $bad ->
    [0] 没有错误
   *[other] { $bad } 项有误
  }，{ $look ->
    [0] 别无可查。
   *[other] { $look } 项请查看。
  }
check-unseen = 看不到 { $what }：{ $problem }
check-forbidden = 您无权查看
check-unseen-next = 请为自己授予读取权限，或请有权限的人检查。
check-version-good = Kubernetes { $version }
check-version-old = Kubernetes { $version } 低于 { $least }
check-version-old-next = 请将集群升级到 { $least } 或更高：一切所依据的准入策略自该版本起稳定。
check-version-unknown = 集群版本 { $version } 无法识别
check-version-unknown-next = 请对照集群厂商的说明：需要 Kubernetes 1.30 或更高。
check-acts-constrained = 支持受限的身份代入：可限定操作器只能以预案账号行事
check-acts-classic = 以 impersonate 动词代入预案账号；受限的身份代入自 Kubernetes 1.36 起才有
check-crd-good = { $name } 可用，与本版本一致
check-crd-missing = 未安装 { $name }
check-crd-next = 请安装：pingzhan crds | kubectl apply --server-side -f -
check-crd-ending = { $name } 正在删除：应急模式及其变更日志会随之消失
check-crd-ending-next = 终结器保住了正在生效的部分。请先全部还原（pingzhan stand-down），再任其删除并重新安装。
check-crd-unserved = { $name } 尚不可用
check-crd-unserved-next = 查看原因：kubectl describe crd
check-crd-differs = { $name } 不是本版本的：在 { $at } 处不同
check-policy-good = { $what } 在位，与本版本一致
check-policy-missing = 缺少 { $what }
check-policy-next = 请应用本版本的 manifests/policies，或升级 chart。
check-policy-differs = { $what } 不是本版本的：在 { $at } 处不同
check-operator-other = 准入策略认定 { $user } 为操作器，而不是 { $usual }
check-operator-other-next = 如操作器确以该用户运行，请指明并据此检查：--operator-user { $user }。否则有人改动过准入策略：请应用本版本的 manifests/policies，或升级 chart。
check-namespace-good = { $name } 存在
check-namespace-missing = 缺少 { $name }
check-namespace-missing-next = 请应用 manifests/namespaces.yaml，或用 --operator-namespace、--accounts-namespace 指明位置
check-namespace-ending = { $name } 正在删除
check-namespace-ending-next = 请等它删除完毕，再重新安装平战。
check-leader-good = { $holder } 主持，{ $seconds } 秒前仍在
check-leader-skew = 由 { $holder } 主持；其时钟与本机不一致
check-leader-none = 没有操作器主持：宣布的应急模式无人执行
check-leader-gone = 原由 { $holder } 主持，已 { $seconds } 秒不见
check-leader-next = 查看：kubectl -n { $namespace } get pods,leases；或启动：pingzhan run
check-rights-good = { $user } 具备其角色的 { $count } 项权限
check-rights-missing = { $user } 缺少：{ $rights }
check-rights-unlent = { $user } 不能代入所有账号，而没有看到指明账号的预案，无从核对
check-rights-unlent-next = 请应用预案，或由有权列出预案的人检查。
check-rights-next = 请应用本版本的 manifests/rbac.yaml 与 manifests/impersonation.yaml，或升级 chart。如只许代入部分账号，请补上所缺账号（impersonation.accounts）。
check-rights-user-next = 请将 manifests/rbac.yaml 与 manifests/impersonation.yaml 的角色绑定给该用户。经由组别得到的权限在此看不到。
check-rights-unseen-next = 请为自己授予创建 subjectaccessreviews（authorization.k8s.io）的权限，或请有权限的人检查。
check-reviews-good = 没有逾期未复核的应急越权
check-reviews-overdue = { $count } 个应急模式的应急越权逾期未复核：{ $names }
check-reviews-next = 须由他人复核：pingzhan review { $name } justified|unjustified
check-reviews-unread = 部分应急模式的状态无法读取，不知其应急越权复核是否逾期：{ $names }
check-reviews-unread-next = 请用写入该状态的 pingzhan 版本检查，或直接查看：kubectl get emergencymodes -o yaml
check-no-playbook = 没有预案
check-no-playbook-next = 请编写一个（docs/guides/write-a-playbook.md），或应用 playbooks/ 中的一个。
check-playbook-malformed = { $name } 无法读取：{ $problem }
check-playbook-malformed-next = pingzhan lint 会指出位置；更正后重新应用。
check-account-good = { $playbook }：其账号 { $account } 存在
check-account-missing = { $playbook }：没有账号 { $account }
check-account-missing-next = 连同权限一并创建：pingzhan rbac generate { $playbook } | kubectl apply -f -
check-ready-good = { $playbook }：就绪
check-ready-bad = { $playbook }：{ $why }
check-ready-next = 查看全部：kubectl get playbook { $playbook } -o yaml。所需权限：pingzhan rbac generate { $playbook }
check-ready-unknown = { $playbook }：还没有操作器说明它是否就绪
check-ready-unknown-next = 操作器在预案变更时查看，此外每小时查看一次。
check-your-rights = 您的权限
check-you = 您是 { $user }，属于 { $groups }
check-you-may = { $playbook }：您可以 { $verbs }
check-you-nothing = { $playbook }：您只能查看
check-you-but = { $playbook }：您有 { $verbs } 的权限，但不在预案为此指定的任何组中
check-you-but-next = 组别同样起决定作用：见预案 { $playbook } 的 spec.authority。
check-install-good = 您可以安装平战
check-install-missing = 您不能创建 { $kinds }
check-install-missing-next = 请集群管理员安装。
