# What `pingzhan rehearse` says.

rehearse-no-playbook = { $name } is no file, and the snapshot has no playbook of that name: give a file, or take a snapshot of a cluster that has it
rehearse-title = Rehearsal of { $playbook } at level { $level }
rehearse-sweep = Rehearsals of { $playbook }
rehearse-progress = [{ $number }/{ $of }] level { $level }, { $fault }: { $sentence }
rehearse-no-fault = no fault
rehearse-more = … and { $count } more: --output json has all of them
rehearse-none = none
rehearse-written = the page is written to { $file }

rehearse-good = GOOD: there and back, in time, nothing refused, { $same } of { $fields } fields as they were, ownership included
rehearse-bad = TO BE MENDED: { $why }
rehearse-end-not-planned = there is no plan that could be approved
rehearse-end-not-approved = the quorum does not come about
rehearse-end-not-switched = the switch does not come to its end by itself
rehearse-end-not-restored = the return does not come to its end by itself
rehearse-why-late = { $count ->
    [one] an objective is missed
   *[other] { $count } objectives are missed
}
rehearse-why-refused = { $count ->
    [one] one thing is refused
   *[other] { $count } things are refused
}
rehearse-why-failed = { $count ->
    [one] a stage has failures
   *[other] { $count } stages have failures
}
rehearse-why-unready = { $count ->
    [one] one workload is not ready in wartime
   *[other] { $count } workloads are not ready in wartime
}
rehearse-why-left = { $count ->
    [one] one field is not undone
   *[other] { $count } fields are not undone
}
rehearse-why-differs = { $same } of { $fields } fields are as they were
rehearse-waited = it waited for: { $what }

rehearse-played = What was played
rehearse-played-playbook = playbook { $name }: { $title } (kept by { $owner })
rehearse-played-level = level { $level }, seed { $seed }
rehearse-played-parameter = parameter { $name } = { $value }
rehearse-played-fault = fault { $fault }: { $what }
rehearse-played-snapshot = snapshot of { $taken }, taken by { $by }, Kubernetes { $server }, { $objects } objects
rehearse-fault-node-loss = a node is lost in the switch, for good
rehearse-fault-controllers-slow = controllers and starting pods take five times as long
rehearse-fault-api-429 = the API server turns one request in five away
rehearse-fault-gitops-reverts = what applies manifests puts its values back
rehearse-fault-approver-late = every approver is 20 minutes late
rehearse-fault-operator-death = the operator is killed in the switch and in the return
rehearse-fault-hand-edit = somebody sets three counts by hand in wartime

rehearse-timeline = What happened
rehearse-moment-declared = { $by } ({ $group }) declares
rehearse-moment-planned = the plan is there: { $changes } changes of { $targets } objects
rehearse-moment-approved = { $by } ({ $group }) approves
rehearse-moment-activated = in force: the switch begins
rehearse-moment-stage-began = stage { $stage } begins
rehearse-moment-stage-done = stage { $stage } is done
rehearse-moment-stage-failed = stage { $stage } failed
rehearse-moment-asked = the gate { $step } asks
rehearse-moment-answered = { $by } ({ $group }) answers at { $step }: proceed
rehearse-moment-active = wartime: every stage has ended
rehearse-moment-struck = FAULT { $fault }: { $what }
rehearse-struck-at = { $object }
rehearse-struck-nothing = there is nothing to strike at
rehearse-struck-gitops = { $count } objects are applied by GitOps
rehearse-moment-drifted = somebody changed { $path } of { $object }: a verdict is awaited
rehearse-moment-decided = { $by } decides about { $path } of { $object }: ours
rehearse-moment-stood-down = { $by } stands down
rehearse-moment-closed = closed: everything is back, ownership included
rehearse-moment-gave-up = nothing moves any more; waiting for: { $what }

rehearse-stages = Stages
rehearse-head-stage = STAGE
rehearse-head-state = STATE
rehearse-head-began = BEGINS
rehearse-head-took = TAKES
rehearse-head-changes = CHANGED
rehearse-head-failed = FAILED
rehearse-switch = switch: { $took }
rehearse-switch-objective = switch: { $took }, the objective is { $objective }: { $met ->
    [yes] met
   *[no] MISSED
}
rehearse-return = return: { $took }
rehearse-return-objective = return: { $took }, the objective is { $objective }: { $met ->
    [yes] met
   *[no] MISSED
}

rehearse-critical = Critical services
rehearse-critical-none = no step of this level says critical: true, or none of them has pods
rehearse-critical-ready = { $ready } of { $objects } ready; the first { $first } after the beginning, half of them { $half }, all { $all }
rehearse-critical-never = never
rehearse-critical-late = never ready: { $object }

rehearse-capacity = Room
rehearse-unready = not ready when it was stood down: { $object }, { $ready } of { $wanted } pods
rehearse-findings = Worth knowing before it is approved
rehearse-concern-harm = HARM
rehearse-concern-risk = RISK
rehearse-concern-note = note
rehearse-refused = Refused
rehearse-fights = Who fights over which field
rehearse-head-object = OBJECT
rehearse-head-field = FIELD
rehearse-head-rival = RIVAL
rehearse-head-wrote = WROTE
rehearse-head-again = WRITTEN AGAIN
rehearse-head-end = ENDED AS
rehearse-left = Not undone
rehearse-left-notify = { $what }: people were told, which is not taken back
rehearse-left-run = { $what }: a Job ran that nothing undoes
rehearse-left-call = { $what }: a call was made that nothing undoes
rehearse-skipped = Left alone by the plan
rehearse-exactness = Exactness
rehearse-exact = { $same } of { $fields } fields are as they were, ownership included
rehearse-requests = the operator sent { $sent } requests, { $turned } of them were turned away

rehearse-model = The model of time
rehearse-model-round-trip = a request takes { $time }
rehearse-model-write = a write keeps the server busy for { $time }
rehearse-model-read = a read does for { $time }
rehearse-model-controller = the controllers of workloads take { $time } a change
rehearse-model-ready = a pod is ready { $time } after it has a node
rehearse-model-measured = of { $count } workloads the snapshot tells how long their pods take
rehearse-model-autoscaler = an autoscaler looks every { $time }
rehearse-model-people = people take { $time } to approve, each, and { $answer } to answer at a gate
rehearse-model-job = a Job takes { $time }
rehearse-model-lease = another operator takes over { $time } after one died, at the earliest
rehearse-model-concurrency = { $count } writes are in flight at most
rehearse-source-snapshot = measured with the snapshot
rehearse-source-assumed = assumed
rehearse-source-fault = the fault

rehearse-unknown = What this rehearsal cannot know
rehearse-unknown-startup = whether pods start as fast in an emergency: images, caches, volumes, load
rehearse-unknown-scheduling = what the scheduler makes of taints, affinity, spreading, priority and pre-emption: pods go to the first node with room
rehearse-unknown-load = what load people put on the services, and what autoscalers make of it: inside their bounds they change nothing here
rehearse-unknown-webhooks = what admission webhooks, quotas of a cloud and anything outside of the API server refuse
rehearse-unknown-people = whether the people are there, and in the groups that they act as
rehearse-unknown-since = what changed since the snapshot was taken
rehearse-unknown-left-out = what the snapshot does not have, listed below
rehearse-unknown-messages = whether notifications arrive, and are read: here they do
rehearse-unknown-calls = whether called systems answer, and what they do: here they answer at once
rehearse-unknown-jobs = whether Jobs come to their end, and what they do
rehearse-unknown-metrics = what Prometheus answers: here every query has one sample
rehearse-lacks = What the snapshot lacks
rehearse-lacks-kind = { $count } objects of { $kind }: not served here
rehearse-lacks-item = { $what } ({ $count }): { $why }

rehearse-head-fault = FAULT
rehearse-head-level = LEVEL { $level }
rehearse-cell-good = good, { $took }
rehearse-cell-not-planned = no plan
rehearse-cell-not-approved = no quorum
rehearse-cell-not-switched = switch halts
rehearse-cell-not-restored = return halts
rehearse-cell-mend = mend, { $took }
rehearse-matrix-why = level { $level }, { $fault }: { $why }
rehearse-matrix-legend = a cell says whether all went well, and how long the switch took, in minutes and seconds

rehearse-picture-time = since the declaration
rehearse-picture-critical = critical ready
rehearse-picture-people = people
rehearse-picture-held = held
rehearse-picture-return = return
