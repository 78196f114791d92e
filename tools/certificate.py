"""Create the certificate with which the nodes of an EMR cluster encrypt their traffic.

It is self-signed, because only the nodes of one cluster present it and check it.
"""

import io
import zipfile
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

VALID_FOR = timedelta(days=365)
RENEW_BEFORE_END = timedelta(days=90)
CHAIN = "certificateChain.pem"


def make_certificate(region: str, now: datetime) -> bytes:
    """Create a key and a certificate for the private host names of a region.

    Args:
        region: AWS region, such as `us-west-2`.
        now: time zone aware start of the certificate's validity.

    Returns:
        A zip file with `privateKey.pem`, `certificateChain.pem` and `trustedCertificates.pem`, as EMR expects.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"*.{domain}")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{domain}")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("privateKey.pem", private)
        archive.writestr(CHAIN, pem)
        archive.writestr("trustedCertificates.pem", pem)
    return packed.getvalue()


def must_be_renewed(packed: bytes, now: datetime) -> bool:
    """Check whether a certificate expires so soon that it needs a replacement."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        certificate = x509.load_pem_x509_certificate(archive.read(CHAIN))
    return certificate.not_valid_after_utc - now < RENEW_BEFORE_END
