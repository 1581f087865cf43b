// # The control socket and its clients
//
// What a client has sent and nobody has read stays in its socket.
//
//	init.server.in             rebuilt: by the start
//	init.server.sock           kept: record control, its number and which file is its own
//	init.server.path           kept: record control
//	init.server.clients        kept: a record client each
//	init.server.count          rebuilt: counted
//	init.server.words          rebuilt: memory that is used again
//	init.server.limit          rebuilt: from the limit of descriptors
//	init.server.first          kept: record control
//	init.server.retryAt        rebuilt: 0, the first accept that fails sets it again
//	init.server.consolePolled  rebuilt: the set of the epoll is a new one
//
//	init.client.slot     kept: record client
//	init.client.fd       kept: record client
//	init.client.uid      kept: record client
//	init.client.pid      kept: record client
//	init.client.group    kept: record client
//	init.client.in       kept: record client
//	init.client.seen     rebuilt: 0, half a line is looked at once more
//	init.client.out      kept: record client, with what was known of the rest of a long answer
//	init.client.events   rebuilt: from the rest
//	init.client.closed   kept: record client
//	init.client.last     kept: record client
//	init.client.wait     kept: record client, see graph.Wait
//	init.client.reply    kept: record client, see init.reply
//	init.client.idle     rebuilt: false, its reader says it again
//	init.client.tail     kept: record client, see init.LogReader
//	init.client.feed     kept: record client
//	init.client.lost     kept: record client
//	init.client.upgrade  kept: record client
//
//	init.reply.kind    kept: record client
//	init.reply.next    kept: record client
//	init.reply.ids     kept: record client; those of why are written as its lines
//	init.reply.wants   rebuilt: not needed, the lines of why are in the client's out
//	init.reply.stop    rebuilt: not needed, the lines of why are in the client's out
//	init.reply.faults  rebuilt: not needed, their lines are in the client's out
//	init.reply.text    rebuilt: not needed, its lines are in the client's out
//
//	graph.Wait.Kind   kept: record client
//	graph.Wait.State  kept: record client
//	graph.Wait.names  kept: record client
//	graph.Wait.at     kept: record client
//	graph.Wait.named  rebuilt: from the names
//	graph.Wait.all    kept: record client, what is in it besides the names
//	graph.Wait.first  kept: record client
//
//	init.LogReader.logs     rebuilt: the image's own
//	init.LogReader.entries  kept: record client, see init.mergeEntry
//	init.LogReader.heap     kept: record client; its order follows from the entries
//	init.LogReader.back     kept: record client
//	init.LogReader.idle     kept: record client, see init.mergeEntry
//	init.LogReader.named    kept: record client
//	init.LogReader.all      kept: record client
//	init.LogReader.place    kept: record client
//
//	init.mergeEntry.log     kept: record client, by its unit
//	init.mergeEntry.cur     kept: record client, by numbers that the ring counts on from
//	init.mergeEntry.stop    kept: record client
//	init.mergeEntry.wallNs  kept: record client
//	init.mergeEntry.order   kept: record client
//
//	init.logFollow.run   kept: record client
//	init.logFollow.line  kept: record client
//	init.logFollow.cur   kept: record client
//
//	init.ringCursor.seq  kept: in the records of those that have it
//	init.ringCursor.at   kept: in the records of those that have it
package state
