// # What is kept: the world
//
//	graph.World.nodes            kept: record unit for each, in the order of their IDs
//	graph.World.byName           rebuilt: of the units that have not left
//	graph.World.timers           rebuilt: of each status
//	graph.World.t                kept: the clocks' offsets, in record world; the rest is of one event
//	graph.World.gen              kept: record world
//	graph.World.visit            rebuilt: it counts walks, none is under way
//	graph.World.dirty            rebuilt: empty between events
//	graph.World.acts             rebuilt: empty between events
//	graph.World.cands            rebuilt: empty between events
//	graph.World.stack            rebuilt: empty between events
//	graph.World.work             rebuilt: it is for tests of cost
//	graph.World.undo             rebuilt: of one event
//	graph.World.main             kept: record world
//	graph.World.halt             kept: record world
//	graph.World.deadline         kept: record world
//	graph.World.ended            kept: record world
//	graph.World.holds            rebuilt: counted
//	graph.World.userHold         rebuilt: counted
//	graph.World.ShutdownTimeout  kept: record world
//	graph.node.unit              kept: record unit, as graph.Show gives it
//	graph.node.next              kept: record next
//	graph.node.s                 kept: record unit, by every field of Status
//	graph.node.req               rebuilt: of the units' lines
//	graph.node.wants             rebuilt: of the units' lines
//	graph.node.after             rebuilt: of the units' lines
//	graph.node.conf              rebuilt: of the units' lines
//	graph.node.reqBy             rebuilt: of the units' lines
//	graph.node.wantBy            rebuilt: of the units' lines
//	graph.node.afterBy           rebuilt: of the units' lines
//	graph.node.unmet             rebuilt: counted
//	graph.node.deadReq           rebuilt: counted
//	graph.node.pending           rebuilt: counted
//	graph.node.active            rebuilt: counted
//	graph.node.holdReq           rebuilt: counted
//	graph.node.drainAfter        rebuilt: counted
//	graph.node.bits              rebuilt: looked at
//	graph.node.gone              kept: record unit
//	graph.node.queued            rebuilt: false between events
//	graph.node.acting            rebuilt: false between events
//	graph.node.cand              rebuilt: false between events
//	graph.node.early             kept: record unit
//	graph.node.levels            kept: record unit
//	graph.node.visit             rebuilt: it counts walks
//	graph.node.kept              rebuilt: of one event
//	graph.Status.*               kept: record unit
//	graph.Reason.*               kept: record unit
//	graph.Halt.*                 kept: record world
//
// # What is kept: the configuration
//
//	graph.Unit.restartSet        rebuilt: of the lines; a reload reads the files anew
//	graph.Unit.limitSet          rebuilt: of the lines; a reload reads the files anew
//	graph.Unit.pipePos           rebuilt: the header's place
//	graph.Unit.Pos               kept: record unit
//	graph.Unit.Fault             kept: record unit
//	graph.Unit.Class             kept: record unit
//	graph.Unit.*                 kept: record unit, as graph.Show gives it (TestShowRoundTrip)
//	graph.Config.Units           rebuilt: those of the world that have not left
//	graph.Config.Set             kept: record config
//	graph.Config.Main            kept: record config
//	graph.Config.Options         kept: record config
//	graph.Config.Faults          kept: record fault for each
//	graph.Config.mainPos         rebuilt: none; it is for the faults of a load
//	graph.Config.index           rebuilt: of the units
//	graph.Config.templates       kept: record template for each block
//	graph.Config.files           rebuilt: none; it is for the order of a load's faults
//	graph.Config.seen            rebuilt: of the faults
//	graph.Config.full            kept: record config
//	graph.Config.builder         rebuilt: when it is used
//	graph.Config.compared        rebuilt: it bounds the work of one load
//	graph.Options.*              kept: record config
//	graph.block.*                kept: record template
//	graph.keyLine.*              kept: record template
package state
