#include "tools/load/ledger_service.h"

#include <cstring>
#include <utility>

#include "tools/load/numbers.h"

namespace sluice::load {
namespace {

constexpr Duration kAnswerTimeout = std::chrono::seconds(10);
constexpr std::size_t kQuestionBytesMax = 100;
// One that has every other number missing, as many as a set holds, is larger: but no run is like that.
constexpr std::size_t kAnswerBytesMax = std::size_t{256} * 1024 * 1024;
constexpr std::string_view kQuestion = "ledger ";

}  // namespace

void LedgerService::listen(int socket) {
  listener_ = std::make_unique<net::Listener>(loop_, socket, [this](int accepted) { answers_.add(answer(accepted)); });
  listener_->start();
}

Task<void> LedgerService::answer(int socket) {
  net::Connection connection(loop_, socket, {});
  if (closing_) connection.terminate();
  open_.insert(&connection);
  std::string question;
  while (!question.ends_with('\n') && question.size() < kQuestionBytesMax) {
    if (co_await connection.more(kAnswerTimeout, "a question") != net::IoStatus::ok) break;
    question.append(connection.input().to_string());
    connection.input().clear();
  }
  if (question.starts_with(kQuestion) && question.ends_with('\n')) {
    const auto run =
        parse_number(std::string_view(question).substr(kQuestion.size(), question.size() - kQuestion.size() - 1), 16);
    if (run) connection.write(text_of_(*run));
  }
  co_await connection.finish(kAnswerTimeout, Duration::zero());
  open_.erase(&connection);
  co_await connection.close();
}

Task<void> LedgerService::close() {
  closing_ = true;
  co_await listener_->close();
  for (net::Connection* connection : open_) connection->terminate();
  co_await answers_.join("answers to end");
}

Task<std::expected<RunLedger, std::string>> ask_ledger(io::Loop& loop, io::Address address, std::uint64_t run) {
  auto connected = co_await net::Connection::connect(loop, address, kAnswerTimeout);
  const std::string where = "the sink's ledger at " + address.to_string();
  if (!connected) co_return std::unexpected(where + ": " + std::strerror(connected.error()));
  net::Connection& connection = **connected;
  std::string question(kQuestion);
  append_hex(run, 16, question);
  connection.write(question + "\n");
  std::string text;
  net::IoStatus status = net::IoStatus::ok;
  while (status == net::IoStatus::ok && text.size() < kAnswerBytesMax) {
    status = co_await connection.more(kAnswerTimeout, "the sink's ledger");
    text.append(connection.input().to_string());
    connection.input().clear();
  }
  co_await connection.close();
  auto ledger = RunLedger::parse(text);
  if (!ledger) co_return std::unexpected(where + ": no answer that can be read (" + net::io_status_text(status) + ")");
  co_return *std::move(ledger);
}

}  // namespace sluice::load
