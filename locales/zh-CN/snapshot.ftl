# `pingzhan snapshot` 的文本。

snapshot-progress = 读取中：{ $objects } 个对象
snapshot-interrupted = 已中断：没有写出文件。
snapshot-no-terminal = 快照不宜打印到终端：请用 -o 指定文件，或接管道。
snapshot-no-playbooks = 集群中没有预案，无从取起。请先部署预案，或给出文件：--playbook 文件
snapshot-cannot-write = 无法写入 { $file }：{ $problem }。
snapshot-wartime = 警告：有 { $modes } 个应急模式尚未关闭：其改动按现状（战时的值）取入快照。请在平时另取一份。

snapshot-head-kind = 类型
snapshot-head-objects = 对象数
snapshot-head-bytes = 大小
snapshot-total = 共 { $objects } 个对象；{ $packed }，解压后 { $unpacked }；用时 { $took } 秒
snapshot-measured = 实测：读取一次 { $milliseconds } 毫秒（{ $requests } 次的中位数）；{ $workloads ->
    [0] 没有 Pod 说明就绪用时
   *[other] { $workloads } 个负载的就绪用时
 }
snapshot-left = 未取或以占位文本代替的：
snapshot-lacks-targets = 预案的作用对象有读不到的：这不是完整的快照。请补足权限，或由有权限的人来取。
snapshot-next = 用它推演：

snapshot-left-count = { $what }：{ $count }
snapshot-left-secrets = 密钥（Secret）
snapshot-left-environment = 环境变量与请求头的值
snapshot-left-arguments = 命令与参数
snapshot-left-config = ConfigMap 中的值
snapshot-left-annotations = 装有整份文档的注解
snapshot-left-values = Chart、触发器、替换与补丁的值
snapshot-left-named = 其他字段中的口令、令牌与密钥
snapshot-left-accounts = 服务账号的 Secret 列表
snapshot-left-bundles = 类型定义中的证书
snapshot-left-descriptions = 类型定义中的说明文字
snapshot-left-images = 节点上的镜像列表
snapshot-left-pods = Pod 的内部
snapshot-left-namespaces = 其他命名空间
snapshot-left-parameters = 准入策略的参数
snapshot-left-webhooks = 准入 webhook 与变更策略
snapshot-left-conditions = 可能读到占位文本的条件
snapshot-left-chosen = 由参数决定名称的对象
snapshot-left-files = 来自文件的预案
snapshot-left-modes = 尚未关闭的应急模式
snapshot-left-book = 预案 { $name }

snapshot-why-secrets = 一概不出集群：从不读取，因此也没有计数。
snapshot-why-literals = 其中可能有口令，以占位文本代替；步骤按路径指明的保留。
snapshot-why-config = 键保留；没有步骤提到的键，其值以占位文本代替。
snapshot-why-annotations = 最近一次应用的内容等整份文档，以空文档代替。
snapshot-why-named = 依字段名称判断，或位于地址的 @ 之前；以占位文本代替。
snapshot-why-accounts = 其中是 Secret 的名称，推演用不到。
snapshot-why-bundles = 推演不做版本转换。
snapshot-why-large = 篇幅大，推演用不到。
snapshot-why-pods = 每个 Pod 只留所属、节点、资源申请与阶段，供计算容量。
snapshot-why-namespaces = 其中没有预案所涉的对象。
snapshot-why-parameters = 只有已在快照中的参数对象才有，且 ConfigMap 的值是占位文本：此类策略在推演中的判断可能不同。
snapshot-why-webhooks = 推演不调用它们：它们会改动或拒绝什么，推演中看不到。
snapshot-why-conditions = `where` 或 `wait` 所看的字段可能是占位文本：推演的选取可能不同。
snapshot-why-chosen = `apply` 的对象名称由参数决定：参数取别的值时那里有什么，并不知道。
snapshot-why-files = 它们不是集群中的对象：推演时用 --playbook 给出。
snapshot-why-modes = 推演从平时开始。应急模式与变更日志不取，但其改动按现状取入。
snapshot-why-unserved = 集群不提供该类型。
snapshot-why-right = 取快照的人无权读取。请补足权限，或由有权限的人来取。
snapshot-why-places = { $why }所在：{ $places }{ $more ->
    [0] 。
   *[other] {" "}等另 { $more } 处。
 }
