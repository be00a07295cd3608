# WeiLink's MCP server in a container. Its data (the bot's login, messages) is in the volume.
#
#   docker build -t weilink:0.1.0 .
#   docker run --rm -i -v weilink:/data weilink:0.1.0
#
# Files that an agent sends or downloads must be in a folder that the container sees too.
FROM python:3.13-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
COPY --from=build /wheels /wheels
RUN pip install --no-cache-dir /wheels/*.whl && rm -r /wheels \
    && useradd --create-home weilink && install -d -o weilink -m 0700 /data
# The MCP registry compares it with the name in server.json.
LABEL io.modelcontextprotocol.server.name="io.github.weilink/weilink"
USER weilink
ENV WEILINK_BASE_PATH=/data
VOLUME /data
ENTRYPOINT ["weilink"]
CMD ["mcp"]
