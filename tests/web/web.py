"""The exporter behind its front: certificates, a web configuration, and clients over TLS."""
import base64
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import warnings

from exporter import Answer, BOUND, Exporter, until

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import crypt  # Debian 12 has it


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def certificate(directory, name, *, ca=None, sans="DNS:localhost,IP:127.0.0.1,IP:::1", serial=1, days=30):
    """NAME.pem and NAME.key; signed by `ca`, another name, or by itself."""
    files = [f"{directory}/{name}.{kind}" for kind in ("key", "pem", "csr")]
    if ca is None:
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files[0], "-out", files[1],
                "-days", str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName={sans}", "-set_serial", str(serial))
        return
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files[0], "-out", files[2], "-subj", f"/CN={name}")
    with open(f"{directory}/{name}.ext", "w") as file:
        file.write(f"subjectAltName={sans}\n")
    openssl("x509", "-req", "-in", files[2], "-CA", f"{directory}/{ca}.pem", "-CAkey", f"{directory}/{ca}.key", "-out", files[1], "-days", str(days),
            "-set_serial", str(serial), "-extfile", f"{directory}/{name}.ext")


def bcrypt(password, rounds=4):
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=1 << rounds))


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Web(Exporter):
    """`config`: the text of web.yml, beside node.pem and node.key in `directory`."""

    def __init__(self, config=None, *flags, listen="127.0.0.1:0", prepare=None, port=None, **more):
        self.directory = tempfile.mkdtemp(prefix="fencewatch-web-")
        certificate(self.directory, "node")
        if prepare:
            prepare(self.directory)
        self.host, self.port_of = "127.0.0.1", port
        self.tls = config is not None and "tls_server_config" in config
        if config is not None:
            self.configure(config)
            flags += (f"--web.config.file={self.directory}/web.yml",)
        super().__init__(*flags, f"--state.dir={self.directory}/state", listen=listen, **more)

    def configure(self, text):
        """As those do who know how: at once."""
        with open(self.directory + "/web.yml.new", "w") as file:
            file.write(text)
        os.rename(self.directory + "/web.yml.new", self.directory + "/web.yml")

    def listening(self, began=0):
        if self.process.poll() is not None:
            raise AssertionError("the exporter ended: " + self.said())
        self.addresses = re.findall(r'msg="listening" address="([^"]+)"', self.said(began))
        ports = [int(address.rsplit(":", 1)[1]) for address in self.addresses if ":" in address]
        return self.port_of(self) if self.port_of else ports[0] if ports else None

    def context(self, ca="node", client=None, oldest=ssl.TLSVersion.TLSv1_2, newest=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version, context.maximum_version = oldest, newest
        if oldest < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("DEFAULT@SECLEVEL=0")  # or our own side would refuse
        context.load_verify_locations(f"{self.directory}/{ca}.pem")
        if client:
            context.load_cert_chain(f"{self.directory}/{client}.pem", f"{self.directory}/{client}.key")
        return context

    def connection(self, context=None, host=None, source=None, timeout=BOUND):
        if not self.tls:
            return http.client.HTTPConnection(host or self.host, self.port, timeout=timeout, source_address=source and (source, 0))
        return http.client.HTTPSConnection(host or self.host, self.port, timeout=timeout, context=context or self.context())

    def request(self, method, path, headers=None, timeout=BOUND, **how):
        connection = self.connection(timeout=timeout, **how)
        try:
            connection.request(method, path, headers=headers or {})
            return Answer(connection.getresponse(), method == "HEAD")
        finally:
            connection.close()

    def get(self, path="/metrics", headers=None, timeout=BOUND, **how):
        return self.request("GET", path, headers, timeout, **how)

    def metric_of(self, context, series):
        return float(re.search("^" + re.escape(series) + " (.*)$", self.get(context=context).text, re.M).group(1))

    def wrapped(self, **how):
        """A TLS connection without HTTP."""
        return self.context(**how).wrap_socket(self.connect(), server_hostname="localhost")

    def listeners(self):
        """The ports that the process listens on, of IPv4 and IPv6."""
        inodes, ports = set(), set()
        for name in os.listdir(f"/proc/{self.process.pid}/fd"):
            try:
                inodes.add(os.readlink(f"/proc/{self.process.pid}/fd/{name}"))
            except OSError:
                pass  # closed meanwhile
        for table in filter(os.path.exists, (f"/proc/{self.process.pid}/net/{name}" for name in ("tcp", "tcp6"))):
            with open(table) as file:
                for field in (line.split() for line in list(file)[1:]):
                    if field[3] == "0A" and f"socket:[{field[9]}]" in inodes:
                        ports.add(int(field[1].rsplit(":", 1)[1], 16))
        return ports

    def inner(self):
        """The port that civetweb listens on."""
        (port,) = self.listeners() - {int(address.rsplit(":", 1)[1]) for address in self.addresses}
        return port

    def close(self):
        super().close()
        shutil.rmtree(self.directory, ignore_errors=True)


TLS = "tls_server_config:\n  cert_file: node.pem\n  key_file: node.key\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


__all__ = ["Answer", "BOUND", "TLS", "Web", "basic", "bcrypt", "certificate", "free_port", "openssl", "until"]
