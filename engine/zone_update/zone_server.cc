#include "engine/zone_update/zone_server.h"

#include <chrono>
#include <optional>
#include <string_view>

namespace sluice::zone_update {
namespace {

constexpr Duration kStepTimeout = std::chrono::seconds(10);
constexpr std::size_t kTransferBytesMax = std::size_t{2} << 30U;
constexpr unsigned kByteBits = 8;

// RFC 1035 4.2.2: each message with its length in front.
std::expected<void, std::string> send(io::BlockingStream& stream, const std::string& wire) {
  std::string framed{static_cast<char>(wire.size() >> kByteBits), static_cast<char>(wire.size())};
  return stream.write(framed + wire, kStepTimeout);
}

std::expected<std::string, std::string> receive(io::BlockingStream& stream) {
  const auto head = stream.read(2, kStepTimeout);
  if (!head) return head;
  const auto byte = [&head](std::size_t at) { return static_cast<unsigned char>((*head)[at]); };
  return stream.read((std::size_t{byte(0)} << kByteBits) | byte(1), kStepTimeout);
}

}  // namespace

std::unexpected<std::string> ZoneServer::fault(const std::string& what) const {
  return std::unexpected(parts_.server.to_string() + ": " + what);
}

std::expected<io::BlockingStream, std::string> ZoneServer::connect() const {
  auto stream = io::BlockingStream::connect(parts_.server, kStepTimeout, parts_.given_up);
  if (!stream) return fault(stream.error());
  return stream;
}

std::expected<void, std::string> ZoneServer::read(const std::function<void(const ZoneText&)>& on_text) {
  const auto question = make_transfer(parts_.zone, parts_.key, next_id());
  if (!question) return fault(question.error());
  auto stream = connect();
  if (!stream) return std::unexpected(stream.error());
  if (const auto sent = send(*stream, question->wire); !sent) return fault(sent.error());
  TransferReader reader(*question, parts_.key, on_text);
  std::size_t bytes = 0;
  for (bool is_last = false; !is_last;) {
    const auto wire = receive(*stream);
    if (!wire) return fault(wire.error());
    bytes += wire->size();
    if (bytes > kTransferBytesMax) return fault("the zone has more than 2 GB");
    const auto taken = reader.take(*wire);
    if (!taken) return fault(taken.error());
    is_last = *taken;
  }
  return {};
}

std::expected<void, std::string> ZoneServer::change(std::span<const TextChange> changes, std::uint32_t ttl_s) {
  std::optional<io::BlockingStream> stream;
  while (!changes.empty()) {
    const auto part = changes.first(changes_that_fit(changes));
    changes = changes.subspan(part.size());
    const auto question = make_update(parts_.zone, part, ttl_s, parts_.key, next_id());
    if (!question) return fault(question.error());
    if (!stream) {
      auto connected = connect();
      if (!connected) return std::unexpected(connected.error());
      stream = *std::move(connected);
    }
    if (const auto sent = send(*stream, question->wire); !sent) return fault(sent.error());
    const auto answer = receive(*stream);
    if (!answer) return fault(answer.error());
    if (const auto done = check_update_answer(*answer, *question, parts_.key); !done) return fault(done.error());
  }
  return {};
}

}  // namespace sluice::zone_update
