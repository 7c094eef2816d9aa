# What `pingzhan demo` says.

story-title = Pingzhan 平战: a flood in Yunxi (云溪市), played without any cluster
story-step = [Enter] next act
story-stage = { $applied } in { $took }
story-instant = under 1 s
story-seconds = { $n } s
story-minutes = { $minutes } min { $seconds } s
story-exact = restored exactly: { $same } of { $fields } fields, ownership included
story-differs = NOT restored exactly: { $same } of { $fields } fields
story-cannot-declare =
    { $name } cannot be declared at level { $level }:
    { $stops }
    Choose with --level and --set, or change the playbook.
story-stop = { "  " }[{ $code }] { $what }: { $help }
story-other-way = the story went another way: { $what }
story-other-drift = with drift { $drift } the playbook decides otherwise about values of others: nothing to see here
story-failed =
    { $n ->
        [one] a change
       *[other] { $n } changes
    } failed, { $first }
story-nothing-held = this playbook changes no count that could be put back

story-city = The city in peacetime
story-fleet = { $departments } departments, { $workloads } workloads, { $owners } tools and people that write them
story-before = before-image: { $objects } whole objects, { $fields } fields
story-gave = account { $account } is new here: it has the rights of the city's own playbooks

story-warning = A warning
story-warned = The observatory warns of 210 mm of rain in 24 hours; the river nears its guarantee level. A warning changes nothing: people decide.

story-declare = The duty officer declares
story-reason = 24 h rainfall 210 mm, river at the guarantee level
story-declared = { $who } declares “{ $title }”, level { $level }, for { $group }
story-planned =
    the plan is stored: { $changes } changes of { $targets } objects
    its hash is { $hash }…: this is what people approve
story-findings = before they do, they read { $parts } (pingzhan status)
story-harms =
    { $n ->
        [one] 1 harm
       *[other] { $n } harms
    }
story-risks =
    { $n ->
        [one] 1 risk
       *[other] { $n } risks
    }
story-notes =
    { $n ->
        [one] 1 note
       *[other] { $n } notes
    }
story-left-out = { $n } more
story-and = { ", " }
story-nothing-found = nothing was found that would speak against it

story-approve =
    { $quorum ->
        [0] No approval at this level
        [one] One person approves, and not the one who declared
        [2] Two people approve, and not the one who declared
       *[other] { $quorum } people approve, and not the one who declared
    }
story-no-quorum = at level { $level } this playbook needs no approval: the declaration suffices
story-own = { $who } approves their own declaration: it does not count
story-approved = { $who } approves ({ $n } of { $quorum })

story-switch = Shed first, then what people depend on
story-switch-bar = switch
story-answered = { $who } answers at the gate { $gate }: proceed
story-critical = { $n } critical services are Ready { $took } after the beginning, before anything that comes later

story-rival = A script of long ago puts a value back
story-frozen = { $who } sets { $object } to { $value } replicas: refused, the change freeze holds
story-put-back = old-script sets { $object } back to { $value } replicas
story-held = held: { $value } replicas again after { $ms } ms

story-engineer = An engineer chooses a third value
story-third-value = { $who } sets { $object } to { $value } replicas
story-drifted = nobody overwrites it: { $path } waits for a person's verdict
story-ours = { $who } decides for the plan: { $value } replicas again

story-raise = The level is raised to I
story-gravest = it is the gravest already
story-proposed =
    { $who } asks for level I: a plan of { $changes } changes
    level { $level } stays in force until { $quorum ->
        [one] one person agrees
        [2] two people agree
       *[other] { $quorum } people agree
    }
story-raised = level I is in force: { $applied } changes are held

story-stand-down = Stand down
story-stood-down = { $who } stands down: everything goes back, in reverse order
story-return-bar = given back
story-closed = over after { $took }

story-compare = Is everything as it was?
story-compared = { $objects } whole objects compared, field by field, owners of fields included

story-kept =

    The city stays up at { $url }, with its operator; from now on its time is yours.
    Its kubeconfig is { $path }, with a context for everybody who plays:
    { $people }
    Next, in another terminal:
    { "  " }export KUBECONFIG={ $path }
    { "  " }kubectl get deployments --all-namespaces
    { "  " }{ $program } status { $mode }
    { "  " }{ $program } --context duty-officer-zhou declare second \
    { "    " }--playbook { $playbook } --level II --reason "more rain" --yes
    { "  " }{ $program } --context approver-lin approve second --yes
    { "  " }{ $program } --context approver-chen approve second --yes
    { "  " }{ $program } status second
    Ctrl-C ends it, and takes the kubeconfig away.
