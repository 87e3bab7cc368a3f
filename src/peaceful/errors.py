"""The tree of all errors that the framework raises on purpose.

```
PeacefulError
├── UsageError                  the request is wrong: exit code 2
│   ├── NameInvalid             a name breaks the rule
│   ├── NameUnknown             nothing has that name
│   ├── ParamsInvalid           parameters with invalid values
│   ├── ParamsMissing           parameters without a value
│   ├── FlowStoredTwice         under two of the names that it had
│   ├── WorkspaceMissing        `init` was not run here
│   ├── ExecutionUnknown        no execution has that ID
│   ├── SecretUnavailable       a secret cannot be read from its source
│   ├── KeyMissing              no key to encrypt or decrypt a secret
│   ├── KeyWrong                a stored secret cannot be decrypted with the given keys
│   ├── ExtraMissing            an optional dependency is not installed
│   └── RequestRefused          a request to the web server
│       ├── HostRefused         for another host
│       ├── OriginRefused       by a page of another site
│       ├── TokenRefused        without a token
│       ├── RoleRefused         with a token without the role
│       ├── BodyRefused         too long, too slow, or of another type
│       ├── PageUnknown         nothing at its address
│       ├── MethodRefused       a method that its address does not support
│       ├── KeyReused           its idempotency key is another request's
│       └── DiagramTooLarge     too large to read
├── BlockedError                may not run now: exit code 3
│   ├── ProfileBusy             another execution runs on the profile
│   ├── ParamsBusy              another command changes parameters
│   ├── OutOfSync               stored states differ from the present ones
│   ├── PlanStale               something is not as a plan says any more
│   ├── ApprovalNeeded          somebody else has to approve it first
│   ├── EntryRefused            what is stored cannot be corrected so
│   ├── ThingsLeft              things would be lost sight of
│   ├── ItemNeeded              something stands on what is to be cleaned up
│   └── ServerStopping          the web server is about to stop
├── DefinitionError             the flow is defined in a way that cannot work
│   ├── CycleFound              items wait for each other in a cycle
│   ├── ContainedTwice          an item inside two others
│   ├── NameTaken               two things with one name
│   ├── ReferenceInvalid        a reference to nothing, or of another type
│   ├── ReferenceUsedAsValue    a reference used before its value is known
│   ├── MappingInvalid          a mapping function unknown or ambiguous
│   ├── StateNotReadable        a state would not read back as it was
│   └── ResourceMissing         no resource of the requested type
├── ItemFailure                 one item could not do its work
│   ├── NotApproved             a person refused what it asked
│   ├── ItemCrashed             it raised another exception
│   ├── SystemRefused           the operating system refused something
│   │   ├── PermissionMissing   this user may not do it
│   │   ├── SpaceMissing        the disk is full
│   │   ├── FileSystemReadOnly  it can only be read
│   │   ├── FileMissing         a file that is not there
│   │   ├── PlaceTaken          something else is there
│   │   ├── FilesExhausted      too many open files
│   │   ├── PeerUnreachable     another machine or program does not answer
│   │   └── TookTooLong         it waited in vain
│   ├── IdentityTaken           another item looks after the same thing
│   ├── ReplacementNeeded       it can only be removed and made anew
│   ├── NotCleaned              what it has made is still there
│   ├── GoalNotReached          applied, and still not at its goal
│   ├── ValueUnresolved         a parameter whose value is not known
│   ├── ChildFailed             a child process ended with an error
│   └── RetriesExhausted        all allowed attempts failed
├── StorageError                files
│   ├── FileInaccessible        the operating system refused
│   ├── FileDamaged             truncated, altered, or of another format
│   ├── FormatTooNew            written by a later version
│   ├── StateTooNew             stored by a later version of the application
│   └── WorkspaceGone           moved, deleted or replaced meanwhile
├── AlreadyEnded                an interrupt that came too late
├── NotAsked                    an answer to what is not asked, or not any more
├── NothingRunning              an interrupt or an answer, and nothing is running
├── NotInterruptible            an execution that cannot be interrupted
├── ExecutorUnreachable         the process that runs it does not answer
├── DiagramFailed               Graphviz took too long to draw, or crashed
└── Unexpected                  any other exception
```

Each carries a stable `code`, a `message`, `details` (where the value came from, why it is wrong)
and `help` (what to do now). A class of the tree that this module does not hand on is internal:
catch the one above it, and look at its `code`. Items raise `ItemFailure` or their own subclass of
it.
"""

from peaceful._errors.base import PeacefulError
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
    NameInvalid,
    NameTaken,
    NameUnknown,
    ParamProblem,
    ParamsInvalid,
    ParamsMissing,
    ReferenceInvalid,
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
    "RetriesExhausted",
    "SecretUnavailable",
    "StorageError",
    "UsageError",
    "ValueUnresolved",
    "WorkspaceMissing",
]
