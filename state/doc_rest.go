// # What is kept: what the init knows besides its units
//
//	init.Init.role         kept: record init
//	init.Init.pid          rebuilt: getpid(2); that of the record init has to be the same
//	init.Init.uid          rebuilt: getuid(2)
//	init.Init.poll         rebuilt: a new set, to which each part adds its own
//	init.Init.timer        rebuilt: a new one, armed at the end of the turn
//	init.Init.sigs         rebuilt: a new one; pending signals outlive an exec
//	init.Init.logs         kept: see init.Logs
//	init.Init.arena        kept: its descriptor
//	init.Init.now          rebuilt: of each turn; the record init has that of its last one
//	init.Init.wall         rebuilt: of each turn
//	init.Init.armed        rebuilt: with the timer
//	init.Init.swept        rebuilt: the first turn sweeps
//	init.Init.signaled     rebuilt: the first turn reaps
//	init.Init.again        rebuilt: the first turn does not sleep
//	init.Init.born         kept: record init
//	init.Init.conf         kept: record config
//	init.Init.world        kept: record world
//	init.Init.units        kept: see init.unitIO
//	init.Init.procs        kept: see init.process
//	init.Init.clocks       kept: see init.clocks
//	init.Init.cgroups      kept: see init.cgroups
//	init.Init.asks         kept: record asking
//	init.Init.mute         kept: record asking
//	init.Init.spec         rebuilt: of one spawn
//	init.Init.spawnEnv     rebuilt: of one spawn
//	init.Init.note         rebuilt: of one message
//	init.Init.looks        rebuilt: of one turn
//	init.Init.bugs             kept: record panics
//	init.Init.work             rebuilt: of one turn
//	init.Init.upgrade          rebuilt: none is under way in a new image
//	init.Init.keeping      kept: see init.keeping
//	init.Init.strayAt      rebuilt: of the processes that are none of its children
//	init.Init.queue        rebuilt: empty between turns
//	init.Init.busy         rebuilt: false between turns
//	init.Init.spawns       kept: record spawn for each
//	init.Init.checks       kept: record spawn for each; what is not one is found again
//	init.Init.ports        kept: record port for each
//	init.Init.also         rebuilt: of one request
//	init.Init.server       kept: see init.server
//	init.Init.filer        kept: see init.filer
//	init.Init.syslog       kept: see init.syslog
//	init.Init.ready        rebuilt: of one turn
//	init.Init.opt          kept: record options
//	init.Init.env          kept: a record env for each variable
//	init.Init.texts        kept: a record text for each
//	init.Init.added        kept: record self
//	init.Init.rescuing     kept: record self
//	init.Init.reexecs      kept: record self
//	init.Init.trimAt       rebuilt: some time after the start of the image, whose garbage it is about
//	init.Init.trim         rebuilt: by trimAt
//	init.Init.end          kept: record end
//	init.Init.critical     kept: record critical
//	init.Init.dog          kept: record watchdog, where there is one
//	init.Init.booted       kept: record boot-check
//	init.Options.*         kept: record options
//	init.runText.*         kept: record text
//	init.reexecs.*         kept: record self
//	init.ending.in         rebuilt: the init
//	init.ending.halt       kept: record end
//	init.ending.stage      kept: record end
//	init.ending.deadline   kept: record end
//	init.ending.until      kept: record end
//	init.ending.child      rebuilt: by its process
//	init.ending.steps      kept: record end
//	init.ending.step       kept: record end-now
//	init.ending.copy       rebuilt: the program is copied once more
//	init.ending.image      rebuilt: as copy
//	init.ending.copyErr    rebuilt: as copy
//	proc.End.Power         rebuilt: by the verb of the record end
//	proc.End.Arg           kept: record end
//	proc.End.Owner         kept: record end
//	proc.End.Phase         kept: record end
//	proc.End.Queue         kept: a record end-step for each
//	proc.End.Round         kept: record end
//	proc.End.Last          kept: record end
//	proc.End.Deadline      kept: record end
//	proc.Step.What         kept: record end-now or end-step
//	proc.Step.Limit        kept: record end-now or end-step
//	proc.Step.Op           kept: record end-now or end-step, less the signal, which no step has
//	init.critical.in       rebuilt: the init
//	init.critical.dueAt    kept: record critical
//	init.critical.unit     kept: record critical
//	init.critical.goodAt   kept: record critical
//	init.critical.child    rebuilt: by its process
//	init.critical.until    kept: record critical
//	init.bootCheck.in      rebuilt: the init
//	init.bootCheck.check   kept: record boot-check
//	init.bootCheck.look    kept: record boot-check
//	init.bootCheck.name    kept: record boot-check
//	init.bootCheck.child   rebuilt: by its process
//	init.bootCheck.pid     kept: record boot-check
//	init.bootCheck.until   kept: record boot-check
//	init.bootCheck.out     kept: record boot-check, its number
//	init.bootCheck.text    kept: record boot-check
//	init.bootCheck.taken   kept: record boot-check
//	graph.BootCheck.Open   kept: record boot-check
//	graph.BootCheck.Limit  kept: record boot-check
//	graph.BootCheck.Since  kept: record boot-check
//	init.watchdog.in       rebuilt: the init
//	init.watchdog.path     kept: record watchdog
//	init.watchdog.limit    kept: record watchdog
//	init.watchdog.fixed    kept: record watchdog
//	init.watchdog.dev      kept: record watchdog, its number; it is not closed in between, and fed at once
//	init.watchdog.every    rebuilt: of the device's time
//	init.watchdog.next     kept: record watchdog
//	init.watchdog.wait     kept: record watchdog
//	init.watchdog.said     kept: record watchdog
//	proc.Watchdog.FD       kept: record watchdog
//	proc.Watchdog.Name     kept: record watchdog
//	proc.Watchdog.Seconds  kept: record watchdog
//	proc.Watchdog.Reset    kept: record watchdog
package state
