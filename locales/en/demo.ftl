# What `cargo xtask demo` says.

demo-title = Pingzhan 平战: a flood in Yunxi (云溪市), on a real Kubernetes API server
demo-bar-at = { $what }: { $n } of { $total } { $detail }
demo-bar-done = { $what }: { $n } of { $total } ({ $took })
demo-waiting = status says: { $sentence }

demo-city = The city in peacetime
demo-installed = API server { $url }; kinds, accounts and rights in place
demo-fleet-bar = load the fleet
demo-fleet = { $departments } departments, { $workloads } workloads, { $owners } ways in which owners write them
demo-pods-bar = pods ready
demo-before = before-image: { $objects } whole objects, { $fields } fields

demo-declare = Declare
demo-reason = 24 h rainfall 210 mm, river at the guarantee level
demo-declared = { $who } declares a flood, level II, in the name of { $group }
demo-planned =
    the plan is stored: { $changes } changes of { $targets } objects
    its hash is { $hash }…: this is what people approve

demo-approve = Approve: two people, and not the one who declared
demo-own-refused = { $who } approves the own declaration: refused: { $why }
demo-own-ignored = { $who } approves the own declaration: it does not count
demo-approved = { $who } approves ({ $n } of 2)

demo-switch = Switch: shed the back office, then widen what people depend on
demo-switch-bar = switch
demo-stage = stage { $name }: { $applied } of { $changes } changes
demo-active = Active in { $took }
demo-example = { $object }: { $base } replicas in peacetime, { $after } now

demo-rival = A rival puts a value back
demo-frozen = old-script sets { $object } back to { $value } replicas: refused: { $why }
demo-put-back = old-script sets { $object } back to { $value } replicas
demo-held = held: { $value } replicas again after { $took }

demo-engineer = An engineer chooses a third value
demo-third-value = { $who } sets { $object } to { $value } replicas
demo-drifted = Drifted: nobody overwrites { $path }, a person must decide
demo-ours = { $who } decides Ours: { $value } replicas again

demo-stand-down = Stand down
demo-stood-down = { $who } stands down: everything goes back, in reverse order
demo-return-bar = given back
demo-value-back = { $object }: { $value } replicas again after { $took }, ownership later
demo-closed = Closed in { $took }

demo-compare = Exactly?
demo-compared = { $objects } whole objects compared, field by field, managedFields included

demo-owners = Is it theirs again? The former owners apply, without force
demo-owner = { $manager }: { $object } to { $value } replicas: accepted

demo-kept = Cluster { $name } stays up. Try:
demo-exact = restored exactly: { $same } / { $fields }
