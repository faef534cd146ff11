"""Agno's AgentOS, inline, with SQLite as its docs set it up: an agent for each model.

Runs in an environment of its own, which `make bench-peers` makes.
"""

from __future__ import annotations

import argparse

import uvicorn
from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai.like import OpenAILike
from agno.os import AgentOS

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("models", nargs="+")
    given = parser.parse_args()
    database = SqliteDb(db_file=given.database)
    agents = [
        Agent(
            id=name,
            model=OpenAILike(id=name, base_url=given.provider, api_key="none"),
            db=database,
            telemetry=False,
        )
        for name in given.models
    ]
    application = AgentOS(agents=agents, telemetry=False).get_app()
    uvicorn.run(application, host="127.0.0.1", port=given.port, log_level="warning", access_log=False)
