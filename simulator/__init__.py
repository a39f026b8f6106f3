"""A fleet of simulated devices that speak their broker's own protocol, as docs/devices.md describes it.

Against real brokers and local ones alike: where to connect stands in an endpoint document (`endpoint.py`).
From the command line it is `twinspan simulate --endpoint endpoint.json …`; under Locust it is
`simulator/locustfile.py`. From Python, with `constructs/` and `function_src/` on the path:

One device, message by message:

    from simulator import clients, endpoint

    where = endpoint.read(Path("endpoint.json"))  # or endpoint.parse({…})
    with clients.connect(where, "thermostat-1") as client:
        client.on_command(lambda command: print(command["data"]))  # each CloudEvent; a repetition too
        client.send(b'{"temperature": 95}')  # returns when the broker has it, or raises NotAcknowledged

The whole fleet of a twin.yaml:

    from simulator.faults import Fault
    from simulator.fleet import Fleet
    from simulator.options import Options
    from simulator.run import Run

    fleet = Fleet.of(twinspan.config.load("twin.yaml"), devices=2)
    run = Run(fleet, where, Options(rate=50, count=1000, trip=0.01, shares={Fault.DUPLICATE: 0.05}))
    report = run.go()  # blocks; run.stop() from another thread ends it sooner
    report.acknowledged, report.document()

Every exception that is meant for the reader is a `simulator.errors.SimulatorError`.
"""
