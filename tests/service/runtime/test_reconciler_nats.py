"""A real JetStream that is wiped gets everything back from the journal, beside running work."""

from __future__ import annotations

from deploy.local.servers import Nats
from services.runtime.bus import Bus
from services.runtime.reconciler import Finding, Reconciler
from services.runtime.relay import Relay
from tests.service.runtime.jars import Cellar, cause, put
from tests.service.runtime.probe import until


async def test_a_wiped_jetstream_is_refilled(mongo_uri: str, database: str, own_nats: Nats) -> None:
    """Killed, wiped and started again while events go on: the new stream holds every event, in order per resource."""
    bus = await Bus.connect(own_nats.url, "probe", manage=True)
    async with Cellar(mongo_uri, database) as cellar:
        reconciler = Reconciler(cellar.journal, bus, "probe")
        relay = Relay(cellar.journal, bus.publish, told=reconciler.told)
        relay.watch(cellar.jars)
        cellar.jars.notice = relay.notice
        relay.start()
        assert await bus.ready(20)

        async def write(turns: range) -> None:
            for turn in turns:
                await cellar.jars.upsert(f"jars/{turn % 3}", cause(f"r{turn}"), put(turn))

        async def held(count: int) -> bool:
            if not bus.connected:
                return False
            relay.broker_is_back()
            state = await bus.stream_state("probe")
            return state is not None and state.messages == count

        await write(range(60))
        await until(lambda: held(60))
        assert await reconciler.check() is Finding.INTACT
        own_nats.kill()
        await write(range(60, 90))
        own_nats.wipe()
        own_nats.restart()
        await until(lambda: held(30))
        await until(lambda: _refills(reconciler))

        state = await bus.stream_state("probe")
        assert state is not None
        ids = [await state.tail_msg_id(sequence) for sequence in range(1, state.last_seq + 1)]
        again = await reconciler.check()
        await relay.stop()
    await bus.close()

    for jar in range(3):
        old = [f"jars/{jar}/{version}/0~1" for version in range(1, 21)]
        assert [id_ for id_ in ids if id_ in old] == old
    assert len(set(ids)) == len(ids) == 90
    assert again is Finding.INTACT


async def _refills(reconciler: Reconciler) -> bool:
    return await reconciler.check() is Finding.REFILLED
