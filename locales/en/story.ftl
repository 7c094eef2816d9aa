# What `pingzhan demo` says.

story-title = Pingzhan 平战: a flood in Yunxi (云溪市), played without any cluster
story-step = [Enter] next act
story-stage = { $applied } in { $took }
story-exact = restored exactly: { $same } of { $fields } fields, ownership included
story-differs = NOT restored exactly: { $same } of { $fields } fields
story-no-playbook = { $file } is no playbook: { $problem }
story-other-way = the story went another way: { $what }
story-nothing-held = this playbook changes no count that could be put back

story-city = The city in peacetime
story-fleet = { $departments } departments, { $workloads } workloads, { $owners } tools and people that write them
story-before = before-image: { $objects } whole objects, { $fields } fields

story-warning = A warning
story-warned = The observatory warns of 210 mm of rain in 24 hours; the river nears its guarantee level. A warning changes nothing: people decide.

story-declare = The duty officer declares
story-reason = 24 h rainfall 210 mm, river at the guarantee level
story-declared = { $who } declares a flood, level { $level }, in the name of { $group }
story-planned =
    the plan is stored: { $changes } changes of { $targets } objects
    its hash is { $hash }…: this is what people approve

story-approve = Two people approve, and not the one who declared
story-own = { $who } approves the own declaration: it does not count
story-approved = { $who } approves ({ $n } of 2)

story-switch = Shed first, then what people depend on
story-switch-bar = switch
story-answered = { $who } answers at the gate { $gate }: proceed
story-critical = { $n } critical services are Ready { $took } after the beginning, before anything that comes later

story-rival = A script of long ago puts a value back
story-put-back = old-script sets { $object } back to { $value } replicas
story-held = held: { $value } replicas again after { $took }

story-engineer = An engineer chooses a third value
story-third-value = { $who } sets { $object } to { $value } replicas
story-drifted = nobody overwrites it: { $path } waits for a person's verdict
story-ours = { $who } decides for the plan: { $value } replicas again

story-raise = The level is raised to I
story-gravest = it is the gravest already
story-proposed =
    { $who } asks for level I: a plan of { $changes } changes
    level { $level } stays in force until two people agree
story-raised = level I is in force: { $applied } changes are held

story-stand-down = Stand down
story-stood-down = { $who } stands down: everything goes back, in reverse order
story-return-bar = given back
story-closed = over after { $took }

story-compare = Is everything as it was?
story-compared = { $objects } whole objects compared, field by field, owners of fields included
