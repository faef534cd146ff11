"""Client tools of a crypto wallet: the client shows the user what to sign, and answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from app.events.types import TRANSACTION, TYPED_DATA
from workers.tools import ClientRequest, ToolContext, ToolError

Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
Data = Annotated[str, Field(pattern=r"^0x([0-9a-fA-F]{2})*$")]
Wei = Annotated[str, Field(pattern=r"^[0-9]{1,78}$")]
ChainId = Annotated[int, Field(ge=1, le=2**53)]
Words = Annotated[str, Field(min_length=1, max_length=500)]


def SendTransactionToWallet(
    ctx: ToolContext, to: Address, label: Words, value: Wei = "0", data: Data = "0x", chain_id: ChainId | None = None
) -> ClientRequest:
    """Ask the user to sign and send a transaction with their wallet. The result is only that they were asked: their
    answer comes later, as a message.

    Args:
        to: The address that gets the transaction.
        label: The effect of the transaction, in a few words for the user.
        value: The amount of the chain's own coin in wei, a whole number as text.
        data: The call data in hex; 0x for none.
        chain_id: The chain, such as 1 for Ethereum; without it, the one that the wallet is connected to.
    """
    chain = chain_id or _connected_chain(ctx)
    return ClientRequest(TRANSACTION, {"to": to, "value": value, "data": data, "chain_id": chain, "label": label})


def SignTypedData(ctx: ToolContext, typed_data: dict[str, Any], description: Words) -> ClientRequest:
    """Ask the user to sign EIP-712 typed data with their wallet. The result is only that they were asked: their answer
    comes later, as a message.

    Args:
        typed_data: The typed data: domain, types, primaryType and message, as EIP-712 says.
        description: The content and the purpose of the signature, in a few words for the user.
    """
    missing = [name for name in ("domain", "types", "primaryType", "message") if name not in typed_data]
    if missing:
        raise ToolError(f"typed_data lacks {', '.join(missing)}")
    domain = typed_data["domain"]
    chain = domain.get("chainId") if isinstance(domain, dict) else None
    body = {"typed_data": typed_data, "description": description, "chain_id": chain or _connected_chain(ctx)}
    return ClientRequest(TYPED_DATA, body)


def _connected_chain(ctx: ToolContext) -> Any:
    chain = ctx.user_state.get("chain_id")
    if not chain:
        raise ToolError("No wallet is connected: ask the user to connect one, or give chain_id")
    return chain
