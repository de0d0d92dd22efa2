"""A receiver of webhooks that costs as little as it can: reads requests whole, answers 204."""

import asyncio
import sys

import uvloop

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Receiver(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.held = bytearray()

    def data_received(self, data):
        self.held += data
        while (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.held[:end]).lower()
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            if len(self.held) < end + 4 + length:
                return
            del self.held[: end + 4 + length]
            self.transport.write(ANSWER)


async def main(port):
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


uvloop.run(main(int(sys.argv[1])))
