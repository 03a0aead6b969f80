#include "engine/cli/spool.h"

#include <algorithm>

#include "engine/spool/reader.h"
#include "engine/spool/segments.h"
#include "engine/text/json_text.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

std::string_view type_text(const spool::ReadRecord& read) {
  if (read.damage) return read.damage->unreadable ? "unreadable" : read.damage->at_end ? "cut_short" : "damaged";
  if (read.senseless) return "damaged";
  if (read.incomplete) return "incomplete";
  switch (read.type) {
    case spool::RecordType::batch:
      return "batch";
    case spool::RecordType::piece:
      return "piece";
    case spool::RecordType::message:
      return "message";
    case spool::RecordType::status:
      return "status";
    case spool::RecordType::done:
      return "done";
  }
  return "?";
}

std::size_t waiting(const message::DeliveryStatus& status) {
  return static_cast<std::size_t>(
      std::ranges::count(status.recipients, message::Fate::waiting, &message::RecipientStatus::fate));
}

std::string as_line(const spool::ReadRecord& read) {
  std::string line = spool::segment_name(read.segment) + " " + std::to_string(read.offset) + " " +
                     std::to_string(read.bytes) + " " + std::string(type_text(read));
  if (read.damage) return line;
  line += " " + message::queue_id_text(read.id);
  const auto status_text = [](const message::DeliveryStatus& status) {
    return " tries=" + std::to_string(status.tries) + " waiting=" + std::to_string(waiting(status)) +
           (status.held ? " held" : "") +
           (status.hold_reason.empty() ? "" : " reason=\"" + text::printable(status.hold_reason) + "\"");
  };
  if (read.status) line += status_text(*read.status);
  if (!read.message) return line;
  const spool::Stored& stored = read.message->stored;
  line += " content=" + std::to_string(stored.content_bytes) +
          " customer=" + text::printable(stored.submitter.customer) + " from=<" +
          (stored.envelope.reverse_path.empty() ? "" : text::printable(stored.envelope.reverse_path)) + ">";
  for (const message::Recipient& recipient : stored.envelope.recipients)
    line += " to=<" + text::printable(recipient.forward_path) + ">";
  return line + status_text(read.message->status);
}

std::string as_json(const spool::ReadRecord& read) {
  std::string text = "{\"segment\": " + std::to_string(read.segment) + ", \"offset\": " + std::to_string(read.offset) +
                     ", \"bytes\": " + std::to_string(read.bytes) + ", \"type\": " + text::json_string(type_text(read));
  if (read.damage) return text + "}";
  text += ", \"id\": " + text::json_string(message::queue_id_text(read.id));
  if (read.message) {
    const spool::Stored& stored = read.message->stored;
    text += ", \"content_bytes\": " + std::to_string(stored.content_bytes) +
            ", \"customer\": " + text::json_string(stored.submitter.customer) +
            ", \"sender\": " + text::json_string(stored.envelope.reverse_path) + ", \"recipients\": [";
    for (std::size_t i = 0; i < stored.envelope.recipients.size(); ++i)
      text += (i == 0 ? "" : ", ") + text::json_string(stored.envelope.recipients[i].forward_path);
    text += "]";
  }
  const message::DeliveryStatus* status = read.message ? &read.message->status : read.status ? &*read.status : nullptr;
  if (status != nullptr)
    text += ", \"tries\": " + std::to_string(status->tries) + ", \"waiting\": " + std::to_string(waiting(*status)) +
            ", \"held\": " + (status->held ? "true" : "false") +
            (status->hold_reason.empty() ? "" : ", \"reason\": " + text::json_string(status->hold_reason));
  return text + "}";
}

void print_counts(const spool::ReadCounts& counts, bool json, std::ostream& out) {
  const std::pair<const char*, std::uint64_t> rows[] = {
      {"segments", counts.segments},     {"free_files", counts.free_files}, {"records", counts.records},
      {"messages", counts.messages},     {"ended", counts.ended},           {"pending", counts.pending},
      {"incomplete", counts.incomplete}, {"damaged", counts.damaged},       {"unreadable", counts.unreadable},
      {"cut_short", counts.cut_short}};
  const char* before = "{";
  for (const auto& [name, value] : rows) {
    if (json) {
      out << before << text::json_string(name) << ": " << value;
      before = ", ";
    } else {
      out << name << std::string(14 - std::string_view(name).size(), ' ') << value << "\n";
    }
  }
  if (json) out << "}\n";
}

}  // namespace

int run_spool_command(io::Disk& disk, const SpoolCommand& command, const std::string& path,
                      const std::string& directory, std::ostream& out, std::ostream& err) {
  const bool dump = command.verb == SpoolCommand::Verb::dump;
  const auto on_record = [&](const spool::ReadRecord& read) {
    if (dump || read.senseless || read.incomplete || read.damage)
      out << (command.json ? as_json(read) : as_line(read)) << "\n";
  };
  const auto counts = spool::read_spool(disk, path, on_record);
  if (!counts) {
    const std::string_view text = counts.error().text;
    // An error of the disk begins with the path of what it is about.
    const std::string what = text.starts_with(path) ? directory + std::string(text.substr(path.size()))
                                                    : directory + ": " + std::string(text);
    err << "sluicectl: " << text::printable(what) << "\n";
    return 1;
  }
  if (!dump) print_counts(*counts, command.json, out);
  return counts->sound() ? 0 : 1;
}

}  // namespace sluice::cli
