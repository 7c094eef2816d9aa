# What the CLI says. A key that is used in the code exists here; a test holds it.

cli-error = error: { $text }
nothing-done = Nothing was done.

# --- descriptions of verbs
about-pingzhan = Switches digital services between peacetime and wartime under a plan, and brings every changed field back exactly.
about-declare = Declare an emergency or an exercise
about-approve = Approve the plan of a mode
about-status = Show modes, or one mode in full
about-stand-down = Bring a mode back to peacetime, at any moment
about-plan = Show what a declaration would do; writes nothing
about-level = Propose another response level
about-renew = Propose a longer term
about-pause = Stop writing until resumed; an expiry overrides it
about-resume = Go on after a pause
about-answer = Answer a playbook's gate
about-skip = Leave a step out, with a reason
about-verdict = Decide about fields that somebody else changed
about-abort = Stop the switch where it is, and hold or restore what was done
about-break-glass = Act without quorum, at once: it is recorded, told, and reviewed by somebody else
about-review = Review what somebody did without quorum
about-abandon = Give a mode up for lost: two people, and everything stays as it is
about-who = Say who holds which field of an object, and why
about-lint = Judge playbooks: fixed codes, file, line and column
about-rbac = Make the least rights that a playbook needs
about-rbac-generate = Print the least account, roles and bindings of a playbook, for kubectl apply -f -
about-check = Check the installation: version, kinds, policies, operator, accounts, and what you may do
about-crds = Print the CRDs, for kubectl apply -f -
about-restore = Bring everything back with no operator and no EmergencyMode
about-run = Run the operator
about-page = Serve the emergency page, which stands in for services that are closed
about-demo = See a whole emergency in a city, from the warning to the exact return, without any cluster
about-rehearse = Play a playbook on a snapshot of a cluster, with faults, and report what would happen
about-snapshot = Take what playbooks ask of a cluster into one file, to rehearse on; no Secret leaves it
about-sandtable = Rehearse on an API server in memory: the sand table
about-sandtable-serve = Serve the sand table on this machine and write a kubeconfig for it: to --kubeconfig, else to sandtable.kubeconfig
about-version = Print the version

# --- errors: what went wrong, and what to do next
error-kubeconfig = The kubeconfig cannot be used: { $problem }. Check --kubeconfig, --context and $KUBECONFIG.
error-silent = The cluster did not answer in time ({ $what }). Whether it was done is not known: look with `pingzhan status` before you try again.
error-unreachable = The cluster cannot be reached ({ $what }): { $problem }. Check the network, and `kubectl cluster-info`.
error-server = The cluster cannot answer now ({ $what }): { $problem }. Try again in a moment.
error-no-kinds = The cluster does not know Pingzhan's kinds. Install them: pingzhan crds | kubectl apply --server-side -f -
error-not-found = { $kind } { $name } does not exist. See what there is: pingzhan status, or kubectl get pingzhan
error-exists = { $kind } { $name } exists already. Choose another name: a mode that is over is never raised again.
error-read-file = { $file } cannot be read: { $problem }.
error-not-in-group = { $user } is in none of these groups: { $groups }. Act as somebody who is, or have the playbook's authority changed.
error-closed = { $name } is closed: nothing of it changes any more. Declare another one if it is needed.
error-contended = EmergencyMode { $name } is being changed all the time. Look at `pingzhan status { $name }` and try again.
error-timed-out = { $name } did not become { $phase } within { $timeout }. It goes on all the same: see `pingzhan status { $name }`.
error-output = The output cannot be written: { $problem }.
error-unauthenticated = The cluster does not accept who you are ({ $what }): { $problem }. Sign in again.
error-refused = The cluster refused ({ $what }): { $problem }
error-invalid = The cluster does not accept this ({ $what }): { $problem }
error-empty-identity = --as and --as-group need a name: with an empty one the request would run as yourself.
error-no-terminal = Nobody is there to answer. Say --yes if you mean it.
error-journal = The journal of { $name } cannot be read: { $problem }. Nothing of it is touched until a person has looked.

# --- declare
declare-summary =
    Declare { $name }: level { $level }, { $nature }, for { $term }
      playbook  { $playbook }
      reason    { $reason }
      by        { $user } in the name of { $group }
      needs     { $quorum ->
        [0] no approval: the declaration suffices
        [one] 1 approval
       *[other] { $quorum } approvals
    }
declare-no-preview = This build cannot show the plan beforehand: the operator will compute and publish it before anybody approves.
declare-question = Declare { $name }? [y/N]
declare-done =
    { $quorum ->
        [0] { $name } is declared; the declaration suffices. Watch it: pingzhan status { $name } -w
        [one] { $name } is declared. It needs 1 approval: pingzhan approve { $name }
       *[other] { $name } is declared. It needs { $quorum } approvals: pingzhan approve { $name }
    }
declare-bad-file = { $file } is not YAML: { $problem }
declare-wrong-kind = { $file } holds { $kind }, not { $wanted }.
declare-bad-mode = This is not an EmergencyMode: { $problem }. See kubectl explain emergencymode.spec
declare-no-name = The EmergencyMode has no metadata.name.
declare-no-playbook = The EmergencyMode names no playbook: set spec.playbookRef.name.
declare-unknown-parameter = The playbook has no parameter { $name }. It has: { $known }
declare-bad-parameter = Parameter { $name } must be of type { $type }.
declare-term-too-long = A term of { $wanted } is longer than the playbook allows at level { $level }: { $longest }.

# --- approve
approve-plan =
    Plan of { $name }: level { $level }, { $nature }, { $changes ->
        [one] 1 change
       *[other] { $changes } changes
    } of { $targets ->
        [one] 1 object
       *[other] { $targets } objects
    }
      reason  { $reason }
      hash    { $hash }
approve-proposal =
    Proposal for { $name }: level { $level }, { $nature }, term { $term }, { $changes ->
        [one] 1 change
       *[other] { $changes } changes
    }
      hash    { $hash }
approve-trying = The operator is trying the plan against the cluster, without a change …
approve-question = Approve it as { $user } in the name of { $group }? [y/N]
approve-done = { $user } ({ $group }) approved plan { $hash } of { $name }.
approve-no-plan = { $name } has no stored plan yet. Wait until `pingzhan status { $name }` shows one; if it does not, the operator may not be running.
approve-other-plan = The plan is { $hash }, not { $wanted }. Look at it again before you approve it.
approve-own = You declared { $name }, or changed its level or term last: somebody else has to approve it.

# --- other acts
stand-down-done = { $name } is being stood down: everything that was changed comes back.
level-done =
    Level { $level } is proposed for { $name }. It needs { $quorum ->
        [0] no approval
        [one] 1 approval
       *[other] { $quorum } approvals
    }; what was granted stays in force until then.
renew-done =
    A term of { $term } is proposed for { $name }. It needs { $quorum ->
        [0] no approval
        [one] 1 approval
       *[other] { $quorum } approvals
    }; what was granted stays in force until then.
renew-changed = Somebody has just changed the term of { $name } to { $term }. Look again before you renew.
pause-done = { $name } is paused: nothing is written until `pingzhan resume { $name }`. When its term ends it comes back all the same.
resume-done = { $name } goes on.
answer-done = Answered { $answer } at { $at } of { $name }.
answer-given = { $by } has answered { $answer } at { $at } already, and the first answer counts. `pingzhan skip` leaves a step out, `pingzhan abort` stops the switch.
answer-no-gate = { $at } is not a gate. The playbook's gates: { $gates }.
no-such-step = The playbook has no step { $at }. It has: { $steps }.
skip-done = The step { $at } of { $name } is left out.
verdict-keep-done = Verdict on { $name }: the other's value stays.
verdict-ours-done = Verdict on { $name }: our value is written over it.
verdict-nothing = Nothing of { $name } waits for a verdict now. See `pingzhan status { $name }`.
verdict-no-step = The playbook has no step { $step }. It has: { $steps }. A verdict may also be on one field (--uid and --path) or on all (--all).
verdict-nothing-drifted = Status shows no value that waits for a verdict at { $path } of { $uid }. See `pingzhan status`, or name the value with --seen.
break-glass-question = Act on { $name } without quorum, as { $user } in the name of { $group }? Everybody is told, and somebody else reviews it within 24 hours. [y/N]
break-glass-done = { $by } acts on { $name } without quorum. Somebody else has to review it within 24 hours: pingzhan review { $name } justified|unjustified
break-glass-already = { $by } has acted on { $name } without quorum already.
review-done = The act without quorum on { $name } is reviewed.
review-nothing = Nobody acted on { $name } without quorum: there is nothing to review.
review-own = You acted on { $name } without quorum yourself: somebody else has to review it.
abandon-question = Give { $name } up for lost? Whatever it changed stays changed, and nothing brings it back by itself. To bring it back, stand it down instead. [y/N]
abandon-done = { $people ->
        [one] You say that { $name } is lost. It takes one more person to say so.
       *[other] { $people } people say that { $name } is lost: it is let go, and its targets stay as they are.
    }
abort-hold-done = { $name } stops where it is; the values stay, and its term still runs.
abort-restore-done = { $name } stops where it is, and everything comes back.
abort-already = { $name } was aborted by { $by } already, with the other choice. It is set once: stand it down instead.
wait-gone = { $name } is gone.
wait-passed = { $name } is { $phase } already: what was waited for will not come.

# --- status
status-none = No modes: peacetime.
phase-none = not seen yet by the operator
phase-pending = Pending
phase-activating = Activating
phase-active = Active
phase-restoring = Restoring
phase-closed = Closed
stage-waiting = Waiting
stage-running = Running
stage-done = Done
stage-failed = Failed
stage-skipped = Skipped
stage-restored = Restored
nature-actual = Actual
nature-exercise = EXERCISE/演练
nature-tabletop = TABLETOP EXERCISE/桌面推演
label-mode = Mode
label-phase = Phase
label-level = Level
label-playbook = Playbook
label-reason = Reason
label-legal-basis = Legal basis
label-decided-by = Decided by
label-declared-by = Declared by
label-waiting = Waiting on
label-review = Review
review-overdue = the review is overdue: somebody else than who acted without quorum has to look at it (pingzhan review { $name } justified|unjustified)
label-plan = Plan
label-granted = Granted
label-proposed = Proposed
label-denies = Refuses
label-switch = Switch took
label-restore = Return took
value-level = { $level }, { $nature }
value-declared = { $user } in the name of { $group }
value-plan =
    { $hash }: { $changes ->
        [one] 1 change
       *[other] { $changes } changes
    } of { $targets ->
        [one] 1 object
       *[other] { $targets } objects
    }, { $amendments ->
        [0] no amendments
        [one] 1 amendment
       *[other] { $amendments } amendments
    }
value-granted =
    level { $level } until { $until }, by { $approvals ->
        [one] 1 approval
       *[other] { $approvals } approvals
    } at { $at }
value-denies = new { $kinds } for { $stage }/{ $step }
value-proposed =
    level { $level }, term { $term }, { $changes ->
        [one] 1 change
       *[other] { $changes } changes
    }, plan { $hash }
value-took-met = { $took }, within the objective of { $objective }
value-took-missed = { $took }, beyond the objective of { $objective }
col-name = NAME
col-playbook = PLAYBOOK
col-level = LEVEL
col-nature = NATURE
col-phase = PHASE
col-expires = EXPIRES
col-waiting = WAITING ON
col-stage = STAGE
col-state = STATE
col-progress = PROGRESS
col-applied = APPLIED
col-failed = FAILED
col-ready = READY
col-message = MESSAGE
conditions-quiet = { $n ->
        [one] 1 other condition says
       *[other] { $n } other conditions say
    } nothing that needs somebody (-o yaml shows all)
col-condition = CONDITION
col-status = STATUS
col-reason = REASON
col-step = STEP
col-target = TARGET
col-field = FIELD
col-base = PEACETIME
col-after = WARTIME
col-now = NOW
col-why = WHY
col-holder = HELD BY
counts-line = Changes: { $counts }
count-applied = { $n } applied
count-restored = { $n } restored
count-drifted = { $n } drifted
count-stuck = { $n } stuck
count-refused = { $n } refused
count-gone = { $n } gone
count-kept = { $n } kept
count-covered = { $n } covered by another mode
count-overtaken = { $n } overtaken
targets-head = Not as they should be (a verdict takes the flags below):
targets-covered = Beneath another mode (nothing has to be done):
findings-unseen = Nobody has looked yet at what this plan would meet; look again in a few seconds
findings-head = Worth knowing before it is approved, as of { $at }:
findings-of-plan = - { $concern }: { $text }
findings-of-step = - { $concern }, { $step }: { $text }
findings-more = { $n ->
        [one] and 1 more
       *[other] and { $n } more
    } (`pingzhan plan` lists all)
concern-harm = harm
concern-risk = risk
concern-note = note
timeline-head = Latest events:
entries-none = The journal holds no changes.
who-gone = its EmergencyMode is gone
who-nobody = No mode holds a field of { $object }.
who-because = { $mode }, { $step }: { $state }
who-under = under it { $mode }, { $step }, which wants { $after }
who-unread = { $object } cannot be read, so its present values and other managers are not known; below is what the journals know. The cluster said: { $problem }
who-not-ours = not by Pingzhan

# --- plan
plan-head =
    Plan of { $playbook } at level { $level }, for { $term }
      as    { $account }
      hash  { $hash }
plan-figures =
    { "  " }does  { $changes ->
        [one] 1 change
       *[other] { $changes } changes
    } of { $targets ->
        [one] 1 object
       *[other] { $targets } objects
    }; { $writes ->
        [one] 1 write
       *[other] { $writes } writes
    } there
    { "        "}(about { $requests } requests in all), { $restores } back (values, then ownership)
plan-tabletop = { "  " }note  at the table only (桌面推演): nothing of it is carried out
plan-stage = stage { $name }
plan-stage-after = stage { $name }, after { $after }
plan-stage-left-out = stage { $name }: left out: { $why }
plan-step = step { $name } ({ $act })
plan-step-after = step { $name } ({ $act }), after { $after }
plan-step-empty = nothing to change
plan-object = (the object)
plan-not-there = (not there)
plan-made = (made)
plan-act-wait = waits until { $what }, at most { $timeout }
plan-act-ready = { $percent } % of step { $step } are ready
plan-act-rollout = step { $step } is rolled out
plan-act-freeze = freezes { $count ->
    [one] the namespace { $namespaces }
   *[other] { $count } namespaces ({ $namespaces })
}: { $stopped } change nothing there, { $except }; what comes after it waits until that is proven, and it is lifted last
plan-freeze-people = people
plan-freeze-people-and = people and { $names }
plan-freeze-nobody = with no exception
plan-freeze-except = but for { $names }
plan-act-gate = asks { $groups }: “{ $prompt }”; silence for { $timeout } means { $silence }
plan-act-notify = tells { $channels }: “{ $message }”
plan-act-run = runs a Job in { $namespace }; the return runs another that undoes it
plan-act-run-for-good = runs a Job in { $namespace }; nothing undoes it
plan-act-call = calls { $url }; the return calls { $undo }
plan-act-call-for-good = calls { $url }; nothing undoes it
plan-skipped = left alone: { $target }: { $why }
plan-finding = worth knowing: { $text }
plan-problem = cannot be planned: { $text }
plan-no-changes = The plan changes nothing.

# --- restore --from-records
preview-as-yourself = You may not act as { $account }, so what the playbook would change is read as yourself: the operator may see other objects.
restore-head = Not closed, by their journals; every change that they hold is brought back:
restore-mode =
    { "  " }{ $name } ({ $uid }): { $changes ->
        [one] 1 change
       *[other] { $changes } changes
    }
restore-mode-damaged = { "  " }{ $name } ({ $uid }): the journal is damaged, nothing of it is touched
restore-question = Take the operator's lease and bring them back? [y/N]
restore-lease = waiting for the operator's lease …
restore-nothing = Every journal is closed: there is nothing to bring back.
restore-led = Another operator leads and renews its lease. Stop it first, or stand the mode down through it: pingzhan stand-down
restore-refused = You may not take the operator's lease: { $problem }. Whoever brings back without the operator needs the verb `recover` on playbooks, and the lease; the role pingzhan-recovery of manifests/people.example.yaml has both.
restore-left = Not back:
restore-left-to-head = Left to other modes that hold them too, whose operator or restore brings them back:
restore-left-to = { $field }: { $mode }
restore-again = Remove the cause and call it again: what is back is not touched twice.
col-mode = MODE
col-back = BACK
col-let-go = LET GO
col-left = LEFT
col-journal = JOURNAL
journal-closed = closed
journal-open = open

# --- lint, version
lint-no-playbook = { $file } holds no Playbook.
lint-summary =
    { $files ->
        [one] 1 file
       *[other] { $files } files
    }: { $errors ->
        [one] 1 error
       *[other] { $errors } errors
    }, { $warnings ->
        [one] 1 warning
       *[other] { $warnings } warnings
    }, { $notes ->
        [one] 1 note
       *[other] { $notes } notes
    }
version-line = pingzhan { $version } (API { $api }, journal format { $format })

# --- states of changes
state-intended = Intended
state-applied = Applied
state-reverting = Reverting
state-reverted = Reverted
state-owners-back = OwnersBack
state-refused = Refused
state-withdrawn = Withdrawn
state-shadowed = Shadowed
state-overtaken = Overtaken
state-drifted = Drifted
state-stuck = Stuck
state-kept = Kept
state-gone = Gone

# --- sandtable serve
sandtable-served =
    The sand table is served at { $url }, in memory: all of it is gone when this ends.
    Its kubeconfig is { $path }, with a context for everybody:
    { $people }
    Next, in another terminal:
    { "  " }export KUBECONFIG={ $path }
    { "  " }kubectl get namespaces
    { "  " }kubectl --context duty-officer-zhou auth whoami
    { "  " }pingzhan run --context pingzhan-system/pingzhan --metrics-address 127.0.0.1:0
    Ctrl-C ends it.
sandtable-person = { "  " }{ $context } of { $group }
sandtable-account = { "  " }{ $context } (a service account)
sandtable-ended = The sand table has ended.
sandtable-outside = { $address } can be reached from other machines. The sand table is served on loopback addresses only, such as 127.0.0.1
sandtable-cannot-listen = cannot listen on { $address }: { $problem }. Choose another with --port, or leave it out
sandtable-cannot-load = cannot load { $file }: { $problem }
sandtable-cannot-write = cannot write { $file }: { $problem }. Choose another place with --kubeconfig
sandtable-other-kubeconfig = { $file } is another kubeconfig, and is left as it is. Choose another place with --kubeconfig

page-ready = The emergency page is at http://{ $address }
# --- rbac generate
rbac-offline = The cluster was not asked ({ $problem }): what steps select by label may be anywhere in it, so those rights are of the whole cluster.
rbac-needs-file = --offline needs the file of a playbook: a name says nothing without a cluster.
rbac-danger = look twice: { $text }
rbac-note = not known: { $text }
rbac-unread = not read, so that rights may be missing: { $text }

# --- check
check-part-cluster = Cluster
check-part-kinds = Kinds
check-part-policies = Policies
check-part-namespaces = Namespaces
check-part-operator = Operator
check-part-modes = Modes
check-part-playbooks = Playbooks
check-part-you = You
check-all-good = Everything is in order.
check-summary = { $bad ->
    [0] Nothing is wrong
    [one] 1 thing is wrong
   *[other] { $bad } things are wrong
  }, { $look ->
    [0] nothing else to look at.
    [one] 1 thing to look at.
   *[other] { $look } things to look at.
  }
check-unseen = { $what } cannot be seen: { $problem }
check-forbidden = you may not look at it
check-unseen-next = Let yourself read it, or ask somebody who may to check.
check-version-good = Kubernetes { $version }
check-version-old = Kubernetes { $version } is older than { $least }
check-version-old-next = Upgrade the cluster to { $least } or later: the admission policies that everything rests on are stable from then on.
check-version-unknown = The cluster's version { $version } is none that is known
check-version-unknown-next = Compare it with what the cluster's vendor says: Kubernetes 1.30 or later is needed.
check-acts-constrained = Constrained impersonation is there: the operator can be kept from everything but acting as accounts
check-acts-classic = Accounts are acted as by the verb impersonate; constrained impersonation comes with Kubernetes 1.36
check-crd-good = { $name } is served, and the same as this version's
check-crd-missing = { $name } is not installed
check-crd-next = Install it: pingzhan crds | kubectl apply --server-side -f -
check-crd-ending = { $name } is being deleted: modes and their journals go with it
check-crd-ending-next = Finalizers hold what is in force. Bring everything back (pingzhan stand-down), then let it go and install it anew.
check-crd-unserved = { $name } is not served yet
check-crd-unserved-next = See why: kubectl describe crd
check-crd-differs = { $name } is not this version's: it differs at { $at }
check-policy-good = { $what } is in place, and the same as this version's
check-policy-missing = { $what } is missing
check-policy-next = Apply manifests/policies of this version, or upgrade the chart.
check-policy-differs = { $what } is not this version's: it differs at { $at }
check-operator-other = The policies let { $user } write as the operator, and not { $usual }
check-operator-other-next = If you run it as that user, say so, and it is checked: --operator-user { $user }. If not, somebody changed the policies: apply manifests/policies of this version, or upgrade the chart.
check-namespace-good = { $name } is there
check-namespace-missing = { $name } is missing
check-namespace-missing-next = Apply manifests/namespaces.yaml, or say where it is: --operator-namespace, --accounts-namespace
check-namespace-ending = { $name } is being deleted
check-namespace-ending-next = Wait until it is gone, and install Pingzhan anew.
check-leader-good = { $holder } leads; it was there { $seconds } s ago
check-leader-skew = { $holder } leads; its clock and that of this machine do not agree
check-leader-none = No operator leads: nothing that is declared is carried out
check-leader-gone = { $holder } led, and has not been there for { $seconds } s
check-leader-next = Look at it: kubectl -n { $namespace } get pods,leases; or start it: pingzhan run
check-rights-good = { $user } has the { $count } rights of its roles
check-rights-missing = { $user } lacks: { $rights }
check-rights-unlent = { $user } may not act as every account, and no playbook was seen that names the one to ask about
check-rights-unlent-next = Apply a playbook, or check as somebody who may list playbooks.
check-rights-next = Apply manifests/rbac.yaml and manifests/impersonation.yaml of this version, or upgrade the chart. Where it may act as some accounts only, name what is missing (impersonation.accounts).
check-rights-user-next = Bind the roles of manifests/rbac.yaml and manifests/impersonation.yaml to that user. What it has by one of its groups cannot be seen here.
check-rights-unseen-next = Let yourself create subjectaccessreviews (authorization.k8s.io), or ask somebody who may.
check-reviews-good = No review of an act without quorum is overdue
check-reviews-overdue = { $count ->
    [one] In 1 mode the review of an act without quorum is overdue: { $names }
   *[other] In { $count } modes the review of an act without quorum is overdue: { $names }
  }
check-reviews-next = Somebody else than who acted has to review it: pingzhan review { $name } justified|unjustified
check-reviews-unread = The status of some modes cannot be read, so whether a review is overdue there is not known: { $names }
check-reviews-unread-next = Check with the pingzhan of the version that wrote it, or look at it: kubectl get emergencymodes -o yaml
check-no-playbook = There is no playbook
check-no-playbook-next = Write one (docs/guides/write-a-playbook.md) or apply one of playbooks/.
check-playbook-malformed = { $name } cannot be read: { $problem }
check-playbook-malformed-next = pingzhan lint says where; correct it, and apply it again.
check-account-good = { $playbook }: its account { $account } is there
check-account-missing = { $playbook }: there is no account { $account }
check-account-missing-next = Make it with its rights: pingzhan rbac generate { $playbook } | kubectl apply -f -
check-ready-good = { $playbook }: ready
check-ready-bad = { $playbook }: { $why }
check-ready-next = See all of it: kubectl get playbook { $playbook } -o yaml. Rights: pingzhan rbac generate { $playbook }
check-ready-unknown = { $playbook }: no operator has said yet whether it is ready
check-ready-unknown-next = An operator looks at each playbook when it changes, and every hour.
check-your-rights = What you may do
check-you = You are { $user }, in { $groups }
check-you-may = { $playbook }: you may { $verbs }
check-you-nothing = { $playbook }: you may look, no more
check-you-but = { $playbook }: you have the right to { $verbs }, but are in none of the groups that the playbook names for it
check-you-but-next = The groups decide as well: see spec.authority of playbook { $playbook }.
check-install-good = You may install Pingzhan
check-install-missing = You may not create { $kinds }
check-install-missing-next = Ask an administrator of the cluster to install it.
