#include "auth/backend/http.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "auth/backend/http_message.h"
#include "auth/backend/slots.h"
#include "auth/backend/wire.h"

namespace sluice::auth {
namespace {

constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
// Of a body, which says nothing to us.
constexpr std::size_t kBodyBytesMax = 65536;

class HttpBackend final : public Backend {
 public:
  HttpBackend(const BackendParts& parts, const EndpointSource& source, http::FieldNames names)
      : loop_(parts.loop),
        endpoint_(parts, source),
        names_(std::move(names)),
        slots_(parts.loop, source.options.connections) {}

  Task<Verdict> check(const Credentials& credentials) override;
  Task<void> close() override {
    for (const auto& wire : std::exchange(idle_, {})) co_await wire->close();
  }

 private:
  // What came of a request.  `unheard`: nothing, not one line, so that it may be asked again.
  struct Asked {
    Verdict verdict;
    bool unheard = false;
    bool keep = false;  // the connection
  };

  Task<Verdict> ask(const Credentials& credentials, Instant deadline);
  Task<Asked> ask(Wire& wire, const Credentials& credentials, Instant deadline);
  Task<Asked> hear(Wire& wire, Instant deadline);
  // The rest of a response whose head is there; the error is a sentence.
  static Task<WireResult<>> skip_body(Wire& wire, const http::ResponseHead& head, Instant deadline);
  Task<std::unique_ptr<Wire>> kept();
  Task<void> put_back(std::unique_ptr<Wire> wire, bool keep);
  [[nodiscard]] std::string host_of(const Wire& wire) const;

  io::Loop& loop_;
  Endpoint endpoint_;
  http::FieldNames names_;
  Slots slots_;  // connections that are busy, those that are being opened among them
  std::vector<std::unique_ptr<Wire>> idle_;
};

Verdict unavailable(std::string reason) { return Verdict::of(Verdict::Kind::unavailable, std::move(reason)); }

Task<Verdict> HttpBackend::check(const Credentials& credentials) {
  const Instant deadline = later(loop_.now(), endpoint_.options().timeout);
  const Slots::Slot slot = co_await slots_.take(deadline);
  if (!slot)
    co_return unavailable(endpoint_.options().servers[0].to_string() + ": all connections to it wait for an answer");
  co_return co_await ask(credentials, deadline);
}

// ------------------------------------------------------------------------------------------ a request

Task<Verdict> HttpBackend::ask(const Credentials& credentials, Instant deadline) {
  if (std::unique_ptr<Wire> wire = co_await kept(); wire != nullptr) {
    Asked asked = co_await ask(*wire, credentials, deadline);
    co_await put_back(std::move(wire), asked.keep);
    // The server may have ended the kept connection just when it was asked (RFC 9112 9.3.1).
    if (!asked.unheard || loop_.now() >= deadline) co_return std::move(asked.verdict);
  }
  auto opened = co_await endpoint_.open(deadline);
  if (!opened) co_return unavailable(std::move(opened.error()));
  Asked asked = co_await ask(**opened, credentials, deadline);
  co_await put_back(*std::move(opened), asked.keep);
  co_return std::move(asked.verdict);
}

Task<HttpBackend::Asked> HttpBackend::ask(Wire& wire, const Credentials& credentials, Instant deadline) {
  std::string request = http::request(host_of(wire), endpoint_.options().path, credentials);
  wire.write(request);
  wipe_bytes(request.data(), request.size());
  Asked asked = co_await hear(wire, deadline);
  // What the server says behind its response belongs to nothing.
  asked.keep = asked.keep && wire.quiet();
  co_return asked;
}

Task<HttpBackend::Asked> HttpBackend::hear(Wire& wire, Instant deadline) {
  http::ResponseHead head;
  for (bool first = true;; first = false) {
    auto line = co_await wire.line(deadline);
    if (!line) co_return Asked{.verdict = unavailable(std::move(line.error())), .unheard = first && wire.ended()};
    const auto step = head.line(*line);
    if (step == http::ResponseHead::Step::done) break;
    if (step == http::ResponseHead::Step::malformed)
      co_return Asked{.verdict = unavailable(wire.about("does not speak HTTP"))};
  }
  Verdict verdict = http::verdict_of(head, names_);
  if (verdict.kind == Verdict::Kind::unavailable) verdict.reason = wire.about(verdict.reason);
  // Its reason says more than that of a body, which may take its time.
  if (verdict.kind == Verdict::Kind::unavailable && !head.persists()) co_return Asked{.verdict = std::move(verdict)};
  if (auto skipped = co_await skip_body(wire, head, deadline); !skipped) {
    if (verdict.kind != Verdict::Kind::unavailable) verdict = unavailable(std::move(skipped.error()));
    co_return Asked{.verdict = std::move(verdict)};
  }
  co_return Asked{.verdict = std::move(verdict), .keep = head.persists()};
}

Task<WireResult<>> HttpBackend::skip_body(Wire& wire, const http::ResponseHead& head, Instant deadline) {
  switch (head.body()) {
    case http::ResponseHead::Body::strange:
      co_return std::unexpected(wire.about("answered with a body that has no plain Content-Length"));
    case http::ResponseHead::Body::to_end:
      co_return co_await wire.skip_to_end(kBodyBytesMax, deadline);
    case http::ResponseHead::Body::sized:
      break;
  }
  if (head.size() == 0) co_return WireResult<>();
  if (head.size() > kBodyBytesMax) co_return std::unexpected(wire.about("answered with a body that is too long"));
  auto body = co_await wire.bytes(static_cast<std::size_t>(head.size()), deadline);
  if (!body) co_return std::unexpected(std::move(body.error()));
  co_return WireResult<>();
}

// ------------------------------------------------------------------------------------------ connections

// One that can be asked, or null.  Those that the server has ended are closed.
Task<std::unique_ptr<Wire>> HttpBackend::kept() {
  while (!idle_.empty()) {
    std::unique_ptr<Wire> wire = std::move(idle_.back());
    idle_.pop_back();
    if (wire->quiet()) co_return wire;
    co_await wire->close();
  }
  co_return nullptr;
}

Task<void> HttpBackend::put_back(std::unique_ptr<Wire> wire, bool keep) {
  if (keep) {
    idle_.push_back(std::move(wire));
    co_return;
  }
  co_await wire->close();
}

std::string HttpBackend::host_of(const Wire& wire) const {
  for (const BackendServer& server : endpoint_.options().servers) {
    if (server.to_string() != wire.server()) continue;
    if (server.is_path()) return "localhost";
    const std::uint16_t usual = wire.in_tls() ? kHttpsPort : kHttpPort;
    const std::string text = server.to_string();
    return server.port == usual ? text.substr(0, text.rfind(':')) : text;
  }
  return wire.server();
}

class HttpSource final : public BackendSource {
 public:
  explicit HttpSource(EndpointSource endpoint)
      : endpoint_(std::move(endpoint)),
        names_{.customer = named(endpoint_.options.customer_field, "X-Customer"),
               .domains = named(endpoint_.options.domains_field, "X-Domains")} {}
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& parts) override {
    return std::make_unique<HttpBackend>(parts, endpoint_, names_);
  }

 private:
  static std::string named(const std::string& name, const char* otherwise) { return name.empty() ? otherwise : name; }
  EndpointSource endpoint_;
  http::FieldNames names_;
};

}  // namespace

OpenedBackend open_http(const BackendOptions& options) {
  if (options.tls == BackendTls::starttls) return std::unexpected("tls: HTTP has no STARTTLS");
  const std::string& path = options.path;
  if (!path.starts_with('/') || std::ranges::any_of(path, [](char c) { return c <= ' ' || c == '\x7f'; }))
    return std::unexpected("path: is no path of an HTTP resource, such as \"/auth\"");
  auto endpoint = EndpointSource::make(options);
  if (!endpoint) return std::unexpected(endpoint.error());
  return std::make_unique<HttpSource>(*std::move(endpoint));
}

}  // namespace sluice::auth
