import sys, time
from tests.simulation.scene import on_stage
from tests.simulation.world import World
from tests.simulation.checks import Violation
seed=int(sys.argv[1]); n=int(sys.argv[2]) if len(sys.argv)>2 else 1
t=time.time(); steps=0
for s in range(seed, seed+n):
    w=World(s)
    t1=time.time()
    with on_stage(w):
        try:
            w.run(); r="ok"
        except Violation as v:
            r="VIOLATION "+str(v)
    steps+=w.steps
    print(s, r[:300], w.steps, dict(w.crashes), len(w.faults), w.passed_ms, f"{time.time()-t1:.2f}s")
print(steps, steps/(time.time()-t))
