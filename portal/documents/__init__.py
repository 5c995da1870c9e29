"""PDF and QR codes: layout, fonts, signature. `pdf.render`, `qr.svg`."""
