"""Every error that the framework raises on purpose, in one tree.

```
PeacefulError
├── UsageError                  the request is wrong: exit code 2
│   ├── NameInvalid             a name breaks the rule
│   ├── NameUnknown             nothing has that name
│   ├── ParamsInvalid           values that parameters may not have, all at once
│   ├── ParamsMissing           parameters without a value
│   ├── WorkspaceMissing        `init` was not run here
│   ├── ExecutionUnknown        no execution has that ID
│   ├── SecretUnavailable       a secret is not where it is said to be
│   ├── KeyMissing              no key to store a secret with, or to read it
│   ├── KeyWrong                a stored secret cannot be opened with the keys that there are
│   ├── ExtraMissing            an optional dependency is not installed
│   └── RequestRefused          a request to the web server
│       ├── HostRefused         for another host
│       ├── OriginRefused       made by a page of another site
│       ├── TokenRefused        without a token
│       ├── RoleRefused         with a token that is for other things
│       ├── BodyRefused         too long, too slow, or of another kind
│       ├── PageUnknown         there is nothing at its address
│       ├── MethodRefused       there is, but this cannot be done with it
│       ├── KeyReused           its idempotency key is another request's
│       └── DiagramTooLarge     more in it than anyone could take in
├── BlockedError                may not run now: exit code 3
│   ├── ProfileBusy             another execution runs on the profile
│   ├── OutOfSync               stored states are not what is there
│   └── ServerStopping          the web server is about to end
├── DefinitionError             the flow is written in a way that cannot work
│   ├── CycleFound              items wait for each other in a circle
│   ├── ContainedTwice          an item inside two others
│   ├── NameTaken               two things with one name
│   ├── ReferenceInvalid        a reference to nothing, or of another type
│   ├── ReferenceUsedAsValue    a reference used before its value is known
│   ├── MappingInvalid          a mapping function unknown or ambiguous
│   └── ResourceMissing         nothing of the type that was asked for
├── ItemFailure                 one item could not do its work
│   ├── ItemCrashed             it raised something it does not explain
│   ├── GoalNotReached          applied, and still not as it should be
│   ├── ValueUnresolved         a parameter whose value is not known
│   ├── ChildFailed             a child process ended with an error
│   └── RetriesExhausted        tried as often as allowed
├── StorageError                files
│   ├── FileInaccessible        the operating system refused
│   ├── FileDamaged             not what it should be
│   └── FormatTooNew            written by a later version
├── AlreadyEnded                an interrupt that came too late
├── NothingRunning              an interrupt, and nothing that it could be meant for
├── NotInterruptible            an execution that cannot be interrupted
├── ExecutorUnreachable         the process that runs it does not answer
├── DiagramFailed               Graphviz took too long to draw, or crashed
└── Unexpected                  what nobody foresaw
```

Each carries a stable `code`, a `message`, `details` (where the value came from, why it is wrong)
and `help` (what to do now). A class of the tree that this module does not hand on is internal:
catch the one above it, and look at its `code`. Items raise `ItemFailure` or their own subclass of
it.
"""

from peaceful._errors.base import PeacefulError, Unexpected
from peaceful._errors.running import (
    AlreadyEnded,
    BlockedError,
    ChildFailed,
    ExecutionUnknown,
    ExecutorUnreachable,
    FileDamaged,
    FileInaccessible,
    FormatTooNew,
    GoalNotReached,
    ItemCrashed,
    ItemFailure,
    NothingRunning,
    NotInterruptible,
    OutOfSync,
    ProfileBusy,
    RetriesExhausted,
    StorageError,
    ValueUnresolved,
)
from peaceful._errors.usage import (
    CycleFound,
    DefinitionError,
    ExtraMissing,
    KeyMissing,
    KeyWrong,
    NameInvalid,
    NameTaken,
    NameUnknown,
    ParamProblem,
    ParamsInvalid,
    ParamsMissing,
    ReferenceInvalid,
    ResourceMissing,
    SecretUnavailable,
    UsageError,
    WorkspaceMissing,
)

__all__ = [
    "AlreadyEnded",
    "BlockedError",
    "ChildFailed",
    "CycleFound",
    "DefinitionError",
    "ExecutionUnknown",
    "ExecutorUnreachable",
    "ExtraMissing",
    "FileDamaged",
    "FileInaccessible",
    "FormatTooNew",
    "GoalNotReached",
    "ItemCrashed",
    "ItemFailure",
    "KeyMissing",
    "KeyWrong",
    "NameInvalid",
    "NameTaken",
    "NameUnknown",
    "NotInterruptible",
    "NothingRunning",
    "OutOfSync",
    "ParamProblem",
    "ParamsInvalid",
    "ParamsMissing",
    "PeacefulError",
    "ProfileBusy",
    "ReferenceInvalid",
    "ResourceMissing",
    "RetriesExhausted",
    "SecretUnavailable",
    "StorageError",
    "Unexpected",
    "UsageError",
    "ValueUnresolved",
    "WorkspaceMissing",
]
