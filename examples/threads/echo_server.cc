// An echo server with a thread for each connection, on one kernel thread: each reads and writes as
// if it were alone, and waits without keeping the others from working.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "example.h"
#include "spindle/thread/stream.h"
#include "spindle/thread/thread.h"

using namespace spindle::thread;

constexpr int kClients = 20;

void serve_connection(int fd) {
  std::array<std::byte, 256> buffer;
  for (;;) {
    const auto count = read_some(fd, buffer);
    if (!count.ok() || *count == 0) break;
    if (!write_all(fd, std::span(buffer).first(*count)).ok()) break;
  }
  close_descriptor(fd);
}

int listen_on(sockaddr_in& address) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  check(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind failed");
  check(listen(listener, kClients) == 0, "listen failed");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return listener;
}

void ask(const sockaddr_in& address, const std::string& text) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  spindle::thread::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address).take();
  write_all(fd, std::as_bytes(std::span(text))).take();
  std::string echo;
  std::array<std::byte, 64> buffer;
  while (echo.size() < text.size()) {
    const std::size_t count = read_some(fd, buffer).take();
    check(count > 0, "the server hung up");
    echo.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  check(echo == text, "the echo differs");
  close_descriptor(fd);
}

int main() {
  run([] {
    sockaddr_in address;
    const int listener = listen_on(address);
    Thread server = spawn("server", [&] {
      for (;;) {
        const int fd = accept(listener).take();
        spawn_detached("connection", [fd] { serve_connection(fd); }).take();
      }
    });
    std::vector<Thread> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.push_back(spawn("client", [&address, i] {
        for (int round = 0; round < 10; ++round) ask(address, "hello " + std::to_string(i));
      }));
    }
    for (Thread& client : clients) client.join().take();
    server.cancel();
    server.join().take();
    close_descriptor(listener);
    std::printf("%d clients were answered\n", kClients);
  });
}
