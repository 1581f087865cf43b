// # What is kept: the logs
//
// What the rings hold is not copied: it stays in the arena's file. Logs add to a
// snapshot at most, for each log, some 300 bytes, the line that is begun (4,098
// bytes) and the text that is sought; for the console, for the files, and for each
// service that others pipe to, what waits for it (64 KiB); what came from syslog
// last (8 KiB), 64 ended processes, and while all units are followed 1,024 runs of
// lines (some 60 KB). A byte takes two in the snapshot at most.
//
//	proc.Arena.fd              kept: record logs
//	proc.Arena.page            rebuilt: the kernel's
//	proc.Arena.size            rebuilt: of the chunks
//	proc.Arena.chunks          kept: record logs, their sizes
//	proc.Arena.free            rebuilt: what no ring has
//	proc.Arena.backed          rebuilt: looked at
//	init.Logs.space            rebuilt: Init.arena
//	init.Logs.units            kept: record log for each that has something
//	init.Logs.wallNs           rebuilt: the clock, in each turn
//	init.Logs.now              rebuilt: the clock, in each turn
//	init.Logs.buf              rebuilt: empty between turns
//	init.Logs.parts            rebuilt: empty buffers
//	init.Logs.scratch          rebuilt: empty between turns
//	init.Logs.lines            kept: record logs
//	init.Logs.journal          kept: record journal
//	init.Logs.console          kept: record console
//	init.Logs.held             rebuilt: a read that has no room waits again
//	init.Logs.kmsg             kept: record logs
//	init.Logs.files            kept: record files
//	init.Logs.feeds            kept: record feed for each; their slots are those of the new image
//	init.Logs.blocked          rebuilt: a write that is not taken waits again
//	init.Logs.stamp            rebuilt: empty between lines
//	init.Logs.OnHold           rebuilt: Init.open
//	init.Logs.OnBlocked        rebuilt: Init.open
//	init.Logs.OnFile           rebuilt: Init.open
//	init.Logs.own              kept: record log, as that of unit -1
//	init.Logs.level            kept: record logs
//	init.Logs.ownSinks         kept: record logs
//	init.Logs.msg              rebuilt: empty between messages
//	init.Logs.spaceErr         rebuilt: it was said, or comes again
//	init.Logs.spaceSaid        kept: record logs
//	init.Logs.memory           kept: record logs
//	init.Logs.used             rebuilt: of the rings
//	init.Logs.memorySaid       kept: record logs
//	init.Logs.memoryShort      rebuilt: it was said before the turn's end
//	init.UnitLog.logs          rebuilt: Logs.Open
//	init.UnitLog.slot          rebuilt: Logs.Open
//	init.UnitLog.name          rebuilt: of the unit
//	init.UnitLog.pid           kept: record log
//	init.UnitLog.sinks         rebuilt: of the unit; those of the init's own messages with each
//	init.UnitLog.prio          rebuilt: it is one for all units
//	init.UnitLog.held          rebuilt: a read that has no room waits again
//	init.UnitLog.more          kept: record log
//	init.UnitLog.ended         kept: record log
//	init.UnitLog.ring          kept: record log
//	init.UnitLog.seeking       kept: record log
//	init.UnitLog.off           kept: record log
//	init.UnitLog.sizeBytes     kept: record log, of a ring that has a place
//	init.UnitLog.tried         rebuilt: the next line tries again
//	init.UnitLog.split         kept: record log
//	init.UnitLog.shareEpoch    rebuilt: who floods shows again
//	init.UnitLog.share         rebuilt: who floods shows again
//	init.UnitLog.fileHead      rebuilt: of the unit
//	init.UnitLog.filePath      rebuilt: of the unit
//	init.UnitLog.stamp         rebuilt: of the unit
//	init.UnitLog.fileShare     rebuilt: who floods shows again
//	init.UnitLog.pipe          rebuilt: of the unit
//	init.UnitLog.pipeShare     rebuilt: who floods shows again
//	init.Ring.mem              rebuilt: of its place in the arena
//	init.Ring.scratch          rebuilt: Logs.Open
//	init.Ring.*                kept: record log
//	init.splitter.part         kept: record log, what of it is not given away
//	init.splitter.spent        rebuilt: what is given away is not kept
//	init.textSeeker.*          kept: record log
//	init.share.*               rebuilt: who floods shows again
//	init.logJournal.runs       kept: record journal
//	init.logJournal.next       kept: record journal
//	init.logJournal.last       rebuilt: none; the next line begins a run
//	init.logJournal.readers    rebuilt: by those that come back (Logs.refollow)
//	init.logRun.*              kept: record journal
//	init.consoleSink.fd        kept: record console
//	init.consoleSink.socket    rebuilt: looked at
//	init.consoleSink.buf       kept: record console, what of it is not written
//	init.consoleSink.off       rebuilt: 0
//	init.consoleSink.blocked   rebuilt: a write that is not taken waits again
//	init.consoleSink.full      kept: record console
//	init.consoleSink.stalled   kept: record console
//	init.consoleSink.since     kept: record console
//	init.consoleSink.epoch     rebuilt: who floods shows again
//	init.consoleSink.lost      kept: record console
//	init.consoleSink.took      kept: record console
//	init.kmsgSink.fd           kept: record logs
//	init.kmsgSink.retry        rebuilt: the next line tries again
//	init.kmsgSink.err          rebuilt: it was said, or comes again
//	init.kmsgSink.said         kept: record logs
//	init.kmsgSink.lost         kept: record logs
//	init.kmsgSink.took         rebuilt: by the next line that is taken
//	init.kmsgSink.buf          rebuilt: empty between lines
//	init.backlog.logs          rebuilt: NewLogs, or with the unit that pipes
//	init.backlog.what          rebuilt: as logs
//	init.backlog.fd            kept: record files or feed
//	init.backlog.slot          rebuilt: as logs
//	init.backlog.bit           rebuilt: as logs
//	init.backlog.packets       rebuilt: as logs
//	init.backlog.buf           kept: record files or feed, what of it is not written
//	init.backlog.off           rebuilt: 0
//	init.backlog.last          rebuilt: none; the next line begins a message
//	init.backlog.lastOf        rebuilt: none, as last
//	init.backlog.blocked       rebuilt: a write that is not taken waits again
//	init.backlog.full          kept: record files or feed
//	init.backlog.stalled       kept: record files or feed
//	init.backlog.since         kept: record files or feed
//	init.backlog.epoch         rebuilt: who floods shows again
//	init.backlog.lost          kept: record files or feed
//	init.backlog.took          kept: record files or feed
//	init.backlog.held          rebuilt: a read that has no room waits again
//	init.feed.backlog          kept: record feed
//	init.feed.name             kept: record feed
//	init.feed.r                kept: record feed
//	init.feed.users            rebuilt: counted
//	init.feed.said             rebuilt: it comes again
//	init.filer.worker          kept: record files
//	init.filer.asked           kept: record files
//	init.filer.hurried         kept: record files
//	init.worker.in             rebuilt: Main
//	init.worker.what           rebuilt: Main
//	init.worker.word           rebuilt: Main
//	init.worker.whose          rebuilt: Main
//	init.worker.stdin          kept: record files or syslog
//	init.worker.out            kept: record files or syslog
//	init.worker.child          kept: with the processes (worker.adopt)
//	init.worker.since          kept: record files or syslog
//	init.worker.delay          kept: record files or syslog
//	init.worker.retry          kept: record files or syslog
//	init.worker.over           kept: record files or syslog
//	init.syslog.worker         kept: record syslog
//	init.syslog.sock           kept: record syslog
//	init.syslog.path           kept: record syslog
//	init.syslog.ours           kept: record syslog
//	init.syslog.buf            rebuilt: what is to be filed is rest
//	init.syslog.rest           kept: record syslog
//	init.syslog.wait           rebuilt: the line that has no room waits again
//	init.syslog.own            rebuilt: empty between lines
//	init.syslog.gone           kept: record syslog
//	init.syslog.last           rebuilt: of gone
//	init.syslog.uid            rebuilt: of one turn
//	init.syslog.uidID          rebuilt: of one turn
//	init.syslog.uidFor         rebuilt: of one turn
//	init.endedProcess.*        kept: record syslog
package state
