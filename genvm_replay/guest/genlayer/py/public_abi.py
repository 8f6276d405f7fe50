"""Numbers that contracts, SDK and executor share (sdk.md sections 1.7, 2.1, 4.2, 4.3, 5.4)."""

import enum
import typing


class ResultCode(enum.IntEnum):
    """The first byte of the result of a VM."""

    RETURN = 0
    USER_ERROR = 1
    VM_ERROR = 2
    INTERNAL_ERROR = 3


class StorageType(enum.IntEnum):
    """Which state of another contract a view call reads."""

    DEFAULT = 0
    LATEST_FINAL = 1
    LATEST_NON_FINAL = 2


class EntryKind(enum.IntEnum):
    """What a VM was started for."""

    MAIN = 0
    SANDBOX = 1
    CONSENSUS_STAGE = 2


class SpecialMethod(enum.StrEnum):
    """Method names that no contract can define."""

    GET_SCHEMA = "#get-schema"
    ERRORED_MESSAGE = "#error"


class VmError(enum.StrEnum):
    """How the message of a VM error begins."""

    TIMEOUT = "timeout"
    EXIT_CODE = "exit_code"
    VALIDATOR_DISAGREES = "validator_disagrees"
    VERSION_TOO_BIG = "version_too_big"
    OOM = "OOM"
    INVALID_CONTRACT = "invalid_contract"


CODE_SLOT_OFFSET: typing.Final = 1
