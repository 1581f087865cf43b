// # What is kept: units' descriptors, and processes
//
//	init.Init.lost            rebuilt: those of record process that are no children any more
//	init.unitIO.log           kept: see init.UnitLog
//	init.unitIO.pipeR         kept: record log, its number
//	init.unitIO.pipeW         kept: record log, its number
//	init.unitIO.notify        kept: record io, its number; what waits in it is read by the next image
//	init.unitIO.ready         kept: record io, its number
//	init.unitIO.gen           kept: record io
//	init.unitIO.fed           kept: record io
//	init.unitIO.main          kept: record process
//	init.unitIO.uid           kept: record io
//	init.unitIO.renew         kept: record process
//	init.unitIO.taker         kept: record process
//	init.unitIO.socks         kept: record socket for each
//	init.unitIO.health        kept: record health
//	init.unitIO.sid           kept: record io
//	init.unitIO.starter       kept: record io
//	init.unitIO.said          kept: record said
//	init.unitIO.cgroup        kept: record io
//	init.unitIO.removals      kept: record io
//	init.unitIO.oomSeen       kept: record io
//	init.unitIO.oomKills      kept: record io
//	init.process.unit         kept: record process
//	init.process.gen          kept: record process
//	init.process.role         kept: record process
//	init.process.group        kept: record process
//	init.process.adopted      kept: record process
//	init.process.former       kept: record process
//	init.process.stray        kept: record process
//	init.process.watch        kept: record process, its number; where there was none it is asked for again
//	init.process.result       kept: record process, its number
//	init.process.fail         kept: record process
//	init.process.what         kept: record process, as long as it may be needed
//	init.process.helper       kept: record process, its number
//	init.process.of           kept: record process
//	init.process.fds          kept: record dropped for each that it has not come to; it goes on with its own
//	init.said.errno           kept: record said
//	init.said.error           kept: record said
//	init.said.stale           kept: record said
//	init.said.fed             kept: record said
//	init.said.warned          kept: record said
//	init.said.full            kept: record said
//	init.said.former          kept: record process
//	init.said.looker          kept: record process
//	init.said.store           kept: record stored for each
//	init.storedFD.passedFD    kept: record stored, its number and name
//	init.storedFD.polled      kept: record stored
//	init.passedFD.fd          kept: record stored
//	init.passedFD.name        kept: record stored
//	init.sockets.list         kept: record socket for each
//	init.sockets.polled       kept: record socket
//	init.unitSocket.of        kept: record socket, the line in full
//	init.unitSocket.sock      kept: record socket, its number and which file is its own
//	init.health.gen           kept: record health
//	init.health.began         kept: record health; of a connection it is when that was begun again
//	init.health.fd            rebuilt: it is closed, and the check begun again with its generation, so with its deadline
//	init.health.pid           kept: record process
//	init.health.of            rebuilt: with the next request
//	init.health.request       rebuilt: of the unit's line
//	init.health.sent          rebuilt: with the connection
//	init.health.reading       rebuilt: with the connection
//	init.health.answer        rebuilt: with the connection
//	init.health.at            kept: record health
//	init.health.took          kept: record health
//	init.health.row           kept: record health
//	init.health.blind         kept: record health
//	init.health.failed        kept: record health
//	init.health.text          kept: record health
//	init.keeping.count        rebuilt: counted
//	init.keeping.full         kept: record loop
//	init.keeping.dropped      kept: record dropped for each
//	init.keeping.closers      rebuilt: counted, of record process
//	init.clocks.boot          kept: record world
//	init.clocks.wall          kept: record world
//	init.clocks.every         rebuilt: of the units
//	init.clocks.at            rebuilt: of the units
//	init.clocks.bootAt        rebuilt: with the timers
//	init.clocks.wallAt        rebuilt: with the timers
//	init.clocks.bootTimer     rebuilt: a new one; a jump in between shows in the clock
//	init.clocks.timer         rebuilt: a new one; a jump in between shows in the clock
//	init.clocks.zone          rebuilt: read when it is needed
//	init.cgroups.own          kept: record loop, with the number of its lock
//	init.cgroups.tried        kept: record loop
//	init.cgroups.at           kept: record loop
//	init.portUser.port        kept: record port
//	init.portUser.unit        kept: record port
//	graph.Effect.Unit         kept: record spawn
//	graph.Effect.Gen          kept: record spawn
//	graph.Effect.Role         kept: record spawn
//	graph.Effect.Step         kept: record spawn
//	graph.Effect.Result       kept: record spawn
//	graph.Effect.Code         kept: record spawn
//	graph.Effect.Kind         rebuilt: of those that wait only Spawn is kept; the others are found again
//	graph.Effect.Group        rebuilt: not of Spawn
//	graph.Effect.All          rebuilt: not of Spawn
//	graph.Effect.From         rebuilt: not of Spawn
//	graph.Effect.To           rebuilt: not of Spawn
//	graph.Effect.Sig          rebuilt: not of Spawn
//	graph.Effect.Pid          rebuilt: not of Spawn
//	graph.Effect.Reason       rebuilt: not of Spawn
//	graph.Effect.Critical     rebuilt: not of Spawn
//	graph.Effect.Halt         rebuilt: not of Spawn
//	graph.Effect.Text         rebuilt: not of Spawn
//	graph.Listen.Kind         kept: record socket
//	graph.Listen.Addr         kept: record socket
//	graph.Listen.Path         kept: record socket
//	graph.Listen.Mode         kept: record socket
//	graph.Listen.User         kept: record socket
//	graph.Listen.Name         kept: record socket
//	proc.Socket.Fd            kept: record socket
//	proc.Socket.Path          kept: record socket, that of the line
//	proc.Socket.Dev           kept: record socket
//	proc.Socket.Ino           kept: record socket
//	proc.Asking.fd            kept: record asking, its number
//	proc.Asking.old           kept: record asking, as the kernel has it
//	proc.Cgroups.Mode         kept: record loop
//	proc.Cgroups.Base         kept: record loop
//	proc.Cgroups.Why          kept: record loop
//	proc.Cgroups.own          kept: record loop
//	proc.Cgroups.lock         kept: record loop, its number
//	proc.Cgroups.left         kept: record loop
package state
