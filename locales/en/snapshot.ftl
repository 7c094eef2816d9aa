# What `pingzhan snapshot` says.

snapshot-progress = reading: { $objects } objects
snapshot-interrupted = Interrupted: no file was written.
snapshot-no-terminal = A snapshot is not for a terminal: give a file with -o, or pipe it on.
snapshot-no-playbooks = The cluster has no playbook, so there is nothing to ask for. Apply one, or give one: --playbook FILE
snapshot-cannot-write = { $file } cannot be written: { $problem }.
snapshot-wartime = warning: { $modes ->
    [one] one mode is not closed
   *[other] { $modes } modes are not closed
 }: what they changed is in the snapshot as it is now, in wartime. Take another one in peacetime.

snapshot-head-kind = KIND
snapshot-head-objects = OBJECTS
snapshot-head-bytes = BYTES
snapshot-total = { $objects } objects; { $packed }, unpacked { $unpacked }; took { $took } s
snapshot-measured = Measured: a read takes { $milliseconds } ms (median of { $requests }); { $workloads ->
    [0] no pod said how long it took to be ready
    [one] time to readiness of one workload
   *[other] time to readiness of { $workloads } workloads
 }
snapshot-left = Left out, or replaced by a placeholder:
snapshot-lacks-targets = Something that the playbooks act on could not be read: this is no whole snapshot. Have the rights granted, or take it as somebody who has them.
snapshot-next = Rehearse on it:

snapshot-left-count = { $what }: { $count }
snapshot-left-secrets = Secrets
snapshot-left-environment = values of environment variables and headers
snapshot-left-arguments = commands and arguments
snapshot-left-config = values in ConfigMaps
snapshot-left-annotations = annotations that hold documents
snapshot-left-values = values of charts, triggers, substitutions and patches
snapshot-left-named = passwords, tokens and keys in other fields
snapshot-left-accounts = lists of service accounts' Secrets
snapshot-left-bundles = certificates in definitions of kinds
snapshot-left-descriptions = descriptions in definitions of kinds
snapshot-left-images = lists of images on nodes
snapshot-left-pods = the insides of pods
snapshot-left-namespaces = other namespaces
snapshot-left-parameters = admission policies' parameters
snapshot-left-webhooks = admission webhooks and mutating policies
snapshot-left-conditions = conditions that may read a placeholder
snapshot-left-chosen = objects that a parameter names
snapshot-left-files = playbooks from files
snapshot-left-modes = modes that are not closed
snapshot-left-book = playbook { $name }

snapshot-why-secrets = They never leave the cluster: they are not asked for, so nobody counted them.
snapshot-why-literals = They may hold passwords. A placeholder is there instead; what a step names by its path is kept.
snapshot-why-config = Keys are kept. Under a key that no step names there is a placeholder.
snapshot-why-annotations = Last-applied values and other whole documents; an empty one is there instead.
snapshot-why-named = By the name of the field, or before the @ of an address; a placeholder is there instead.
snapshot-why-accounts = They name Secrets, and a rehearsal needs none.
snapshot-why-bundles = A rehearsal converts nothing.
snapshot-why-large = They are large, and a rehearsal needs none.
snapshot-why-pods = Of each pod there is its owner, its node, what it asks for and its phase, by which capacity is counted.
snapshot-why-namespaces = Nothing that the playbooks ask for is in them.
snapshot-why-parameters = They are there only where they are among the objects, and a ConfigMap's values are placeholders: what such a policy refuses may be judged otherwise in a rehearsal.
snapshot-why-webhooks = A rehearsal asks none: what they change or refuse is not seen.
snapshot-why-conditions = A `where` or a `wait` looks at a field that may be replaced: a rehearsal may select otherwise.
snapshot-why-chosen = An `apply` has a name that a parameter says: what is there under another value is not known.
snapshot-why-files = They are no objects of the cluster: give them to the rehearsal with --playbook.
snapshot-why-modes = A rehearsal begins in peacetime. Modes and journals are not taken, but what they changed is as it is now.
snapshot-why-unserved = The cluster does not serve it.
snapshot-why-right = Whoever took it may not read it. Have the right granted, or take it as somebody who has it.
snapshot-why-places = { $why } In: { $places }{ $more ->
    [0] .
   *[other] {" "}and { $more } more.
 }
