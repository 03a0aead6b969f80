#include "engine/control/preview.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/message/encoded_word.h"
#include "engine/message/mime_header.h"
#include "engine/smtp/ascii.h"
#include "engine/smtp/base64.h"

namespace sluice::control {
namespace {

constexpr std::array<std::string_view, 6> kShownFields{"From", "Reply-To", "To", "Subject", "Date", "Content-Type"};
constexpr std::string_view kSubjectField = "Subject";
constexpr unsigned kDepthMax = 5;
constexpr std::size_t kPartsMax = 50;
constexpr std::string_view kBlank = " \t";

// Without its end; takes it from `rest`.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string without_dots(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    std::string_view line = text.substr(0, end);
    if (line.starts_with('.')) line.remove_prefix(1);
    out += line;
    text.remove_prefix(end);
  }
  return out;
}

// Header, with the line end of its last field, and body.
std::pair<std::string_view, std::string_view> split(std::string_view entity) {
  std::string_view rest = entity;
  while (!rest.empty()) {
    const std::size_t at = entity.size() - rest.size();
    if (take_line(rest).empty()) return {entity.substr(0, at), rest};
  }
  return {entity, {}};
}

// The first field of this name, unfolded.
std::optional<std::string> field_of(std::string_view header, std::string_view name) {
  std::optional<std::string> value;
  while (!header.empty()) {
    const std::string_view line = take_line(header);
    const bool folded = !line.empty() && kBlank.contains(line.front());
    if (value && folded) *value += line;
    if (folded) continue;
    if (value) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view found = line.substr(0, colon);
    while (!found.empty() && kBlank.contains(found.back())) found.remove_suffix(1);
    if (smtp::equals_ignore_case(found, name)) value.emplace(line.substr(colon + 1));
  }
  if (!value) return std::nullopt;
  const std::size_t first = std::min(value->find_first_not_of(kBlank), value->size());
  return message::readable_words(std::string_view(*value).substr(first)).text;
}

std::string from_base64(std::string_view body) {
  std::string letters;
  for (const char c : body) {
    if (smtp::is_alnum(c) || c == '+' || c == '/') letters += c;
    if (c != '=') continue;
    letters.append((4 - letters.size() % 4) % 4, '=');
    break;
  }
  // What was cut off at the end of what was read is left out.
  letters.resize(letters.size() / 4 * 4);
  std::string text;
  return smtp::decode_base64(letters, text) ? text : std::string();
}

std::string from_quoted_printable(std::string_view body) {
  std::string text;
  for (std::size_t at = 0; at < body.size(); ++at) {
    if (body[at] != '=') {
      text += body[at];
      continue;
    }
    const int high = at + 2 < body.size() ? smtp::hex_value(body[at + 1]) : -1;
    const int low = high >= 0 ? smtp::hex_value(body[at + 2]) : -1;
    if (low >= 0) {
      text += static_cast<char>(high * 16 + low);
      at += 2;
    } else if (body.substr(at + 1).starts_with("\r\n")) {
      at += 2;
    } else if (body.substr(at + 1).starts_with('\n')) {
      at += 1;
    } else {
      text += '=';
    }
  }
  return text;
}

std::string decoded(std::string_view body, message::TransferEncoding encoding) {
  if (encoding == message::TransferEncoding::base64) return from_base64(body);
  if (encoding == message::TransferEncoding::quoted_printable) return from_quoted_printable(body);
  return std::string(body);
}

// The first part that is text and not empty, looking at no more than so many parts.
class FirstText {
 public:
  std::string find(std::string_view entity, unsigned depth) {
    if (depth > kDepthMax || ++parts_ > kPartsMax) return {};
    const auto [header, body] = split(entity);
    const message::MimeHeader mime = message::read_mime_header(header, /*in_digest=*/false);
    if (mime.kind == message::MimeKind::text) return decoded(body, mime.encoding);
    if (mime.kind != message::MimeKind::multipart || mime.boundary.empty()) return {};
    return find_in_parts(body, "--" + mime.boundary, depth);
  }

 private:
  std::string find_in_parts(std::string_view body, const std::string& boundary, unsigned depth) {
    std::string_view rest = body;
    std::optional<std::size_t> begin;
    while (!rest.empty()) {
      const std::size_t at = body.size() - rest.size();
      if (!take_line(rest).starts_with(boundary)) continue;
      if (begin)
        if (std::string text = find(body.substr(*begin, at - *begin), depth + 1); !text.empty()) return text;
      begin = body.size() - rest.size();
    }
    return begin ? find(body.substr(*begin), depth + 1) : std::string();
  }

  std::size_t parts_ = 0;
};

bool is_blank(std::string_view line) { return line.find_first_not_of(kBlank) == std::string_view::npos; }

}  // namespace

Preview preview_of(std::string_view beginning, bool dot_stuffed) {
  const std::string text = dot_stuffed ? without_dots(beginning) : std::string(beginning);
  Preview preview;
  const std::string_view header = split(text).first;
  for (const std::string_view name : kShownFields) {
    auto value = field_of(header, name);
    if (!value || value->empty()) continue;
    value->resize(std::min(value->size(), kPreviewFieldBytesMax));
    preview.fields.emplace_back(name, *std::move(value));
  }
  const std::string body = FirstText().find(text, 0);
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::string_view line = take_line(rest);
    if (is_blank(line)) continue;
    if (preview.lines.size() == kPreviewLinesMax) {
      preview.more = true;
      break;
    }
    preview.lines.emplace_back(line.substr(0, kPreviewLineBytesMax));
  }
  return preview;
}

std::string subject_of(std::string_view beginning, bool dot_stuffed) {
  const std::string text = dot_stuffed ? without_dots(beginning) : std::string(beginning);
  return field_of(split(text).first, kSubjectField).value_or("");
}

bool subject_contains(std::string_view subject, std::string_view part) {
  return !std::ranges::search(subject, part, [](char a, char b) { return smtp::to_lower(a) == smtp::to_lower(b); })
              .empty() ||
         part.empty();
}

}  // namespace sluice::control
