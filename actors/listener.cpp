#include "actors/listener.hpp"

#include "actors/limits.hpp"
#include "actors/socket_address.hpp"

#include <asio/posix/basic_stream_descriptor.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tidemark::actors {

namespace {

class OwnedFd {
  public:
    explicit OwnedFd(int fd = -1) : fd_(fd) {}
    OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~OwnedFd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

  private:
    int fd_;
};

int open_spare() {
    return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

// A socket file that nobody listens on is left over from a server that was killed.
bool is_stale_socket(const SocketAddress& address, const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
    const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    return ::connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED;
}

std::string describe(int error) {
    switch (error) {
        case EADDRINUSE:
            return "already in use by another program";
        case EACCES:
            return "not permitted (ports below 1024 need root or CAP_NET_BIND_SERVICE)";
        case EADDRNOTAVAIL:
            return "no interface of this machine has this address";
        default:
            return std::system_category().message(error);
    }
}

}  // namespace

// One core's share of a listener. Lives while its wait is pending, so it is shared.
struct Listener::Acceptor : std::enable_shared_from_this<Listener::Acceptor> {
    Core& core;
    asio::posix::basic_stream_descriptor<Executor> descriptor;
    OnConnection on_connection;
    Admit admit;
    bool is_unix;
    OwnedFd spare{open_spare()};
    Timer pause_timer = Timer::calling<&Acceptor::wait>(this);
    bool stopped = false;

    Acceptor(Core& home, OnConnection on, Admit may, bool has_unix_path)
        : core(home),
          descriptor(home.executor()),
          on_connection(std::move(on)),
          admit(std::move(may)),
          is_unix(has_unix_path) {}

    void wait() {
        if (stopped) return;
        descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                              [self = shared_from_this()](const std::error_code& error) {
                                  if (!error && !self->stopped) self->accept_some();
                              });
    }

    void accept_some() {
        for (std::size_t turn = 0; turn < kAcceptsPerTurnMax && !stopped; ++turn) {
            const int fd = ::accept4(descriptor.native_handle(), nullptr, nullptr,
                                     SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd >= 0) {
                hand_over(fd);
            } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
                break;
            } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                return relieve(errno);
            }
            // Anything else (ECONNABORTED, a network error of that connection) is about one client
            // that is gone.
        }
        wait();
    }

    void hand_over(int fd) {
        if (admit && !admit()) {
            ::close(fd);
            return;
        }
        auto stream = TcpStream::adopt_accepted(core, fd, is_unix);
        if (stream) on_connection(core, std::move(stream));
    }

    // Without a free descriptor accept fails and the connection stays in the queue, which would
    // wake us again at once. The spare one lets one client be turned away in order.
    void relieve(int error) {
        spdlog::warn("cannot accept a connection: {}", std::system_category().message(error));
        spare.reset();
        OwnedFd refused(::accept4(descriptor.native_handle(), nullptr, nullptr, SOCK_CLOEXEC));
        refused.reset();
        spare.reset(open_spare());
        core.arm(pause_timer, kAcceptPause);
    }

    void stop() {
        stopped = true;
        pause_timer.disarm();
        std::error_code ignored;
        descriptor.close(ignored);
    }
};

Listener::Listener(std::string address, int descriptor, std::string unix_path)
    : address_(std::move(address)), descriptor_(descriptor), unix_path_(std::move(unix_path)) {}

Listener::~Listener() {
    stop();
}

tl::expected<std::unique_ptr<Listener>, ListenError> Listener::open(std::string address,
                                                                    ListenOptions options) {
    const auto refuse = [&address](int error, std::string reason) {
        return tl::unexpected(ListenError{address, std::error_code(error, std::system_category()),
                                          std::move(reason)});
    };
    auto parsed = SocketAddress::parse(address);
    if (!parsed) {
        return refuse(EINVAL, "not an address: expected 127.0.0.1:PORT, [::1]:PORT or unix:PATH");
    }
    OwnedFd fd(::socket(parsed->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd.get() < 0) return refuse(errno, describe(errno));

    const int on = 1;
    std::string unix_path;
    if (parsed->family() == AF_UNIX) {
        unix_path = address.substr(5);
        if (is_stale_socket(*parsed, unix_path)) ::unlink(unix_path.c_str());
    } else {
        ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        // Accepted sockets have it too: answers are written whole, waiting for more of them (Nagle)
        // only adds a round trip.
        ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (parsed->family() == AF_INET6) {
            ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        }
    }
    if (::bind(fd.get(), parsed->get(), parsed->size) != 0) return refuse(errno, describe(errno));
    // Connecting works from listen() on, so the mode is in force before anybody can.
    if (!unix_path.empty() && ::chmod(unix_path.c_str(), options.unix_mode) != 0) {
        return refuse(errno, describe(errno));
    }
    // Only after bind(): another program can not take the port, its own cores' sockets can.
    if (unix_path.empty()) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (::listen(fd.get(), options.backlog) != 0) return refuse(errno, describe(errno));
    const auto local = SocketAddress::local_of(fd.get());
    std::string real = local ? local->text() : address;
    auto listener = std::unique_ptr<Listener>(
        new Listener(std::move(real), fd.release(), std::move(unix_path)));
    listener->backlog_ = options.backlog;
    return listener;
}

// For one core. The first gets the socket itself; each further one a socket of its own on the same
// port, among which the kernel deals the connections out: of a shared one every core would be woken
// for each connection. Unix sockets are shared.
int Listener::socket_for_core() const {
    const int shared = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
    const auto address = SocketAddress::parse(address_);
    if (acceptors_.empty() || !unix_path_.empty() || !address) return shared;
    OwnedFd own(::socket(address->family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    for (const int option : {SO_REUSEADDR, SO_REUSEPORT})
        ::setsockopt(own.get(), SOL_SOCKET, option, &on, sizeof(on));
    ::setsockopt(own.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (address->family() == AF_INET6)
        ::setsockopt(own.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (::bind(own.get(), address->get(), address->size) != 0 ||
        ::listen(own.get(), backlog_) != 0) {
        return shared;  // costs wake-ups, and works
    }
    ::close(shared);
    return own.release();
}

void Listener::start(CoreSet& cores, const OnConnection& on_connection, const Admit& admit) {
    for (std::size_t index = 0; index < cores.size(); ++index) {
        start(cores[index], on_connection, admit);
    }
}

void Listener::start(Core& core, OnConnection on_connection, Admit admit) {
    auto acceptor = std::make_shared<Acceptor>(core, std::move(on_connection), std::move(admit),
                                               !unix_path_.empty());
    std::error_code error;
    const int copy = socket_for_core();
    if (copy < 0) {
        spdlog::error("{}: cannot listen on core {}: {}", address_, core.index(),
                      std::system_category().message(errno));
        return;
    }
    acceptor->descriptor.assign(copy, error);
    if (error) {
        spdlog::error("{}: cannot listen on core {}: {}", address_, core.index(), error.message());
        ::close(copy);
        return;
    }
    acceptors_.push_back(acceptor);
    core.post([acceptor] { acceptor->wait(); });
}

void Listener::stop() {
    for (auto& acceptor : acceptors_) {
        // The last reference goes on its own core: the descriptor and the timer belong to it.
        Core& core = acceptor->core;
        core.post([acceptor = std::move(acceptor)] { acceptor->stop(); });
    }
    acceptors_.clear();
    if (descriptor_ >= 0) {
        if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
        // Clients in the queue are refused now, not when the last duplicate is closed.
        ::shutdown(descriptor_, SHUT_RD);
        ::close(std::exchange(descriptor_, -1));
    }
}

}  // namespace tidemark::actors
